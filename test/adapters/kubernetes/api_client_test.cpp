// api_client_test.cpp: Calls and mirrors against a server that loses connections, is busy, and forgets versions.
#include <catch2/catch.hpp>

#include <mutex>

#include "adapters/kubernetes/api_client.hpp"
#include "test/adapters/http/scripted_server.hpp"

using namespace sextant;
using namespace sextant::kubernetes;
using testing::scripted_answer;
using testing::scripted_server;

namespace {

std::string http(int status, const std::string& body, const std::string& headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\ncontent-type: application/json\r\n" + headers
         + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct world {
  explicit world(scripted_server::script script, const std::string& token = {}) : server(std::move(script)) {
    cluster_access access;
    access.server = server.url();
    access.token = token;
    link = std::make_shared<cluster_link>(access);
    std::string error;
    client = make_api_client(
        link, [] { return false; }, error);
  }
  scripted_server server;
  std::shared_ptr<cluster_link> link;
  std::unique_ptr<api_client> client;
};

api_call get(double patience_s = 5) {
  return {"get x", "GET", "/x", {}, patience_s};
}

} // namespace

TEST_CASE("calls outlast lost connections, 429 and 5xx") {
  world w{[](const std::string&, const std::string&, int number) -> scripted_answer {
    if (number == 0)
      return {"", true, true};
    if (number == 1)
      return {http(429, "{}", "retry-after: 0\r\n")};
    if (number == 2)
      return {http(503, "busy")};
    return {http(200, R"({"ok":1})")};
  }};
  const auto answer = w.client->call(get());
  CHECK(answer.ok);
  CHECK(answer.body == R"({"ok":1})");
  CHECK(answer.attempts >= 3); // the HTTP client may repeat on a fresh connection by itself
  CHECK(w.link->repeated >= 2);
}

TEST_CASE("patience ends, refusals end at once") {
  world busy{[](const std::string&, const std::string&, int) { return scripted_answer{http(500, "no")}; }};
  const auto answer = busy.client->call(get(0.3));
  CHECK_FALSE(answer.ok);
  CHECK(answer.attempts < 5);
  CHECK(answer.problem == "get x: no");
  world refusing{[](const std::string&, const std::string&, int) { return scripted_answer{http(404, "no")}; }};
  CHECK(refusing.client->call(get()).attempts == 1);
}

TEST_CASE("the token is sent; a refused one is renewed once") {
  std::mutex guard;
  std::string seen;
  world w{[&](const std::string& head, const std::string&, int) {
            const std::lock_guard lock{guard};
            seen = head;
            return scripted_answer{http(401, "{}")};
          },
          "secret"};
  const auto answer = w.client->call(get());
  CHECK(answer.attempts == 2);
  CHECK(answer.problem.find("secret") == std::string::npos);
  CHECK_THAT(answer.problem, Catch::Contains("does not accept the credentials"));
  const std::lock_guard lock{guard};
  CHECK_THAT(seen, Catch::Contains("Authorization: Bearer secret"));
}

TEST_CASE("a mirror follows through cut watches and expired versions, while calls are made") {
  const auto pod = [](const std::string& name, int version) {
    return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + std::to_string(version) + "\"}}";
  };
  const auto stream = [](const std::string& lines, bool end) {
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
           + scripted_server::chunk(lines) + (end ? "0\r\n\r\n" : "");
  };
  std::atomic<int> watches{0}, lists{0};
  world w{[&](const std::string& head, const std::string&, int) -> scripted_answer {
    if (head.find(" /x ") != std::string::npos)
      return {http(200, "called")};
    if (head.find("watch=true") == std::string::npos)
      return {http(200, R"({"metadata":{"resourceVersion":"5"},"items":[)" + pod("a", ++lists) + "]}")};
    switch (++watches) {
      case 1: // cut in the middle of a line
        return {stream(R"({"type":"ADDED","object":)" + pod("b", 6) + "}\n{\"type\":\"AD", false), true, true};
      case 2:
        return {head.find("resourceVersion=6") != std::string::npos
                    ? stream(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
                             "\n",
                             true)
                    : http(400, "not from where it was cut")};
      default:
        return {stream(R"({"type":"ADDED","object":)" + pod("c", 9) + "}\n", false)};
    }
  }};
  object_mirror mirror{"/pods"};
  w.client->follow(mirror);
  for (int i = 0; i < 500 && mirror.objects().count("c") == 0; ++i)
    w.client->turn(0.02);
  CHECK(mirror.objects().count("a") == 1);
  CHECK(mirror.objects().count("b") == 0); // the second list lacks it
  CHECK(mirror.objects().count("c") == 1);
  CHECK(lists == 2);
  CHECK(w.client->call(get()).body == "called");
  w.client->unfollow(mirror);
  CHECK(w.client->call(get()).ok);
}
