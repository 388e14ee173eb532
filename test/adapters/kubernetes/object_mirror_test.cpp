// object_mirror_test.cpp: A mirror through pages, bookmarks, lost connections, expired versions and nonsense.
#include <catch2/catch.hpp>

#include <random>

#include "adapters/kubernetes/object_mirror.hpp"

using namespace sextant;
using namespace sextant::kubernetes;

namespace {

http_outcome answer(int status, const std::string& body = {}) {
  http_outcome o;
  o.status = status;
  o.body = body;
  o.sent_ns = 1;
  o.ended_ns = 20'000'000'000; // a watch that lived as long as it may
  return o;
}

http_outcome lost() {
  http_outcome o;
  o.end = http_end::reset;
  o.detail = "Connection reset by peer";
  return o;
}

std::string object(const std::string& name, int version) {
  return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + std::to_string(version) + R"("}})";
}

std::string list(const std::string& items, int version, const std::string& more = {}) {
  return R"({"kind":"PodList","metadata":{"resourceVersion":")" + std::to_string(version) + R"(","continue":")" + more
         + R"("},"items":[)" + items + "]}";
}

std::string event(const std::string& type, const std::string& body) {
  return R"({"type":")" + type + R"(","object":)" + body + "}\n";
}

std::string status(int code, const std::string& reason) {
  return R"({"kind":"Status","status":"Failure","message":"m","reason":")" + reason + R"(","code":)" + std::to_string(code)
         + "}";
}

object_mirror watching() {
  object_mirror mirror{"/api/v1/namespaces/n/pods", "labelSelector=a%3Db"};
  mirror.ended(answer(200, list(object("a", 3) + "," + object("b", 4), 10)));
  return mirror;
}

} // namespace

TEST_CASE("a collection is listed in pages, then watched from the list's version") {
  object_mirror mirror{"/pods"};
  CHECK(mirror.next(0).path == "/pods?limit=250");
  mirror.ended(answer(200, list(object("a", 3), 10, "p 2/=")));
  CHECK_FALSE(mirror.complete());
  CHECK(mirror.objects().empty());
  CHECK(mirror.next(0).path == "/pods?limit=250&continue=p%202%2F%3D");
  mirror.ended(answer(200, list(object("b", 4), 10)));
  CHECK(mirror.complete());
  CHECK(mirror.objects().size() == 2);
  const auto next = mirror.next(0);
  CHECK(next.watch);
  CHECK(next.pause_s == 0);
  CHECK(next.path == "/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=20&resourceVersion=10");
}

TEST_CASE("events change the copy, cut at any byte") {
  const auto stream = event("ADDED", object("c", 11)) + event("MODIFIED", object("a", 12))
                      + event("DELETED", object("b", 13)) + event("BOOKMARK", R"({"metadata":{"resourceVersion":"20"}})");
  for (size_t part = 1; part < 40; ++part) {
    auto mirror = watching();
    for (size_t at = 0; at < stream.size(); at += part)
      mirror.feed(std::string_view{stream}.substr(at, part));
    CHECK(mirror.objects().size() == 2);
    CHECK(mirror.objects().at("a").find("\"12\"") != std::string::npos);
    CHECK(mirror.objects().count("c") == 1);
    CHECK_THAT(mirror.next(0).path, Catch::EndsWith("resourceVersion=20"));
  }
}

TEST_CASE("a watch goes on from the last known version after any end") {
  auto mirror = watching();
  mirror.feed(event("ADDED", object("c", 11)) + R"({"type":"ADDED","object":{"meta)");
  mirror.ended(lost());
  CHECK_THAT(mirror.next(0).path, Catch::EndsWith("resourceVersion=11"));
  CHECK(mirror.next(0).pause_s == Approx(0.1));
  mirror.ended(lost());
  mirror.ended(lost());
  CHECK(mirror.next(0).pause_s == Approx(0.4));
  mirror.feed(event("ADDED", object("d", 12))); // half a line of the lost connection is not glued to it
  CHECK(mirror.objects().count("d") == 1);
  mirror.ended(answer(200));
  CHECK(mirror.next(0).pause_s == 0);
  CHECK(mirror.lists() == 1);
}

TEST_CASE("a version that is gone means a new list, what it lacks is dropped") {
  auto mirror = watching();
  SECTION("said in the stream") {
    mirror.feed(event("ERROR", status(410, "Expired")));
    mirror.ended(answer(200));
  }
  SECTION("said at once") {
    mirror.ended(answer(410, status(410, "Expired")));
  }
  CHECK(mirror.next(0).path == "/api/v1/namespaces/n/pods?labelSelector=a%3Db&limit=250");
  CHECK(mirror.next(0).pause_s == 0);
  CHECK(mirror.objects().size() == 2); // the old copy serves until the new one is there
  mirror.ended(answer(200, list(object("b", 30), 31)));
  CHECK(mirror.objects().size() == 1);
  CHECK(mirror.lists() == 2);
}

TEST_CASE("a server that answers 410 to everything is asked ever more slowly") {
  auto mirror = watching();
  double pause = 0;
  for (int i = 0; i < 6; ++i) {
    mirror.ended(answer(410, status(410, "Expired")));
    pause = mirror.next(0).pause_s;
    mirror.ended(answer(200, list("", 40 + i)));
  }
  CHECK(pause > 1);
}

TEST_CASE("a page that expired starts the list over") {
  object_mirror mirror{"/pods"};
  mirror.ended(answer(200, list(object("a", 3), 10, "p2")));
  mirror.ended(answer(410, status(410, "Expired")));
  CHECK(mirror.next(0).path == "/pods?limit=250");
}

TEST_CASE("429 and 5xx are waited out as the server asks") {
  auto mirror = watching();
  auto busy = answer(429, status(429, "TooManyRequests"));
  busy.retry_after = "7";
  mirror.ended(busy);
  CHECK(mirror.next(0).pause_s == Approx(7));
  CHECK_FALSE(mirror.error());
  mirror.ended(answer(500, "etcd has no leader"));
  CHECK(mirror.next(0).pause_s == Approx(0.2));
  CHECK_THAT(mirror.trouble(), Catch::Contains("etcd has no leader"));
  CHECK_THAT(mirror.next(0).path, Catch::EndsWith("resourceVersion=10"));
}

TEST_CASE("what no attempt can cure is an error") {
  auto mirror = watching();
  mirror.ended(answer(403, status(403, "Forbidden")));
  REQUIRE(mirror.error());
  CHECK(mirror.error()->status == 403);
  auto expired = watching();
  for (int i = 0; i < 3; ++i) {
    expired.ended(answer(401, status(401, "Unauthorized"))); // a token may be renewed meanwhile
    CHECK_FALSE(expired.error());
  }
  expired.ended(answer(401, status(401, "Unauthorized")));
  CHECK(expired.error());
}

TEST_CASE("watches that end at once are not asked for in a hurry") {
  auto mirror = watching();
  auto short_lived = answer(200);
  short_lived.ended_ns = 1000;
  for (int i = 0; i < 5; ++i)
    mirror.ended(short_lived);
  CHECK(mirror.next(0).pause_s > 1);
}

TEST_CASE("nonsense never hurts and ends in a new list") {
  std::minstd_rand random{7};
  const std::string stream = event("ADDED", object("c", 11)) + event("BOOKMARK", object("", 12)) + event("ERROR", "{}");
  for (int round = 0; round < 2000; ++round) {
    auto mirror = watching();
    auto broken = stream;
    for (int i = 0; i < 3; ++i)
      broken[random() % broken.size()] = static_cast<char>(random() % 256);
    mirror.feed(broken);
    mirror.ended(answer(200));
    const auto next = mirror.next(0.5);
    CHECK((next.pause_s >= 0 && next.pause_s < 60));
  }
  auto mirror = watching();
  mirror.feed("no json\n");
  CHECK_FALSE(mirror.next(0).watch);
  object_mirror other{"/pods"};
  other.ended(answer(200, "<html>"));
  CHECK_FALSE(other.complete());
  CHECK(other.next(0).pause_s > 0);
}
