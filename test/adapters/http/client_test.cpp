// client_test.cpp: The HTTP client against a server that does everything right, and everything wrong.
#include <algorithm>

#include <catch2/catch.hpp>

#include "adapters/http/client.hpp"
#include "test/adapters/http/scripted_server.hpp"

using namespace sextant;
using testing::scripted_answer;
using testing::scripted_server;

namespace {

struct collector final : http_observer {
  std::map<uint64_t, std::vector<std::string>> events;
  std::map<uint64_t, std::vector<int64_t>> arrivals;
  std::map<uint64_t, http_outcome> ends;

  void on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) override {
    events[tag].emplace_back(event.data);
    arrivals[tag].push_back(arrival.at_ns);
  }
  void on_end(uint64_t tag, http_outcome outcome) override { ends[tag] = std::move(outcome); }
};

/// Short waits, for tests that wait for the end of patience; others have 5 s, which a busy machine may need.
http_client_settings quick(int64_t request_timeout_ns = 5'000'000'000) {
  http_client_settings s;
  s.connect_timeout_ns = 500'000'000;
  s.request_timeout_ns = request_timeout_ns;
  return s;
}

struct fixture {
  explicit fixture(scripted_server::script script, http_client_settings settings = quick()) : server(std::move(script)) {
    std::string error;
    url = parse_http_url(server.url(), error).value();
    client = make_http_client(url, seen, settings);
    text = http_request_text(url, "POST", "/v1/completions", R"({"x":1})");
  }

  void finish() {
    while (client->active() > 0)
      client->poll(10'000'000);
  }

  http_outcome one() {
    client->start(1, text);
    finish();
    return seen.ends.at(1);
  }

  scripted_server server;
  collector seen;
  http_url url;
  std::unique_ptr<http_client> client;
  std::string text;
};

} // namespace

TEST_CASE("URLs are taken apart or refused with a reason") {
  std::string error;
  const auto plain = parse_http_url("http://example:8000/base/", error);
  REQUIRE(plain);
  CHECK(plain->host == "example");
  CHECK(plain->port == 8000);
  CHECK(plain->base == "/base");
  const auto v6 = parse_http_url("http://[::1]:81", error);
  REQUIRE(v6);
  CHECK(v6->host == "::1");
  CHECK(v6->port == 81);
  CHECK(v6->authority == "[::1]:81");
  CHECK(parse_http_url("http://host", error)->port == 80);
  CHECK(parse_http_url("https://host", error)->port == 443);
  CHECK(parse_http_url("https://host", error)->tls);
  for (const auto* bad :
       {"ftp://host", "host:80", "http://", "http://h:0", "http://h:99999", "http://h:x", "http://[::1", "http://h/a b"}) {
    error.clear();
    CHECK_FALSE(parse_http_url(bad, error));
    CHECK_FALSE(error.empty());
  }
}

TEST_CASE("an event stream is told event by event with rising arrival times") {
  fixture f([](auto&, auto&, int) { return scripted_answer{scripted_server::stream({"a", "b", "[DONE]"})}; });
  const auto end = f.one();
  CHECK(end.end == http_end::complete);
  CHECK(end.status == 200);
  CHECK(f.seen.events[1] == std::vector<std::string>{"a", "b", "[DONE]"});
  for (const auto t : f.seen.arrivals[1]) {
    CHECK(t >= end.sent_ns);
    CHECK(t <= end.ended_ns);
  }
}

TEST_CASE("request text arrives as it was made") {
  std::string head, body;
  fixture f([&](const std::string& h, const std::string& b, int) {
    head = h;
    body = b;
    return scripted_answer{scripted_server::plain(200, "ok")};
  });
  CHECK(f.one().body == "ok");
  CHECK(head.find("POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:") == 0);
  CHECK(body == R"({"x":1})");
}

TEST_CASE("connections are kept and used again") {
  fixture f([](auto&, auto&, int) { return scripted_answer{scripted_server::stream({"x"})}; });
  CHECK(f.client->connect_ahead(3).empty());
  for (uint64_t tag = 0; tag < 30; ++tag) {
    f.client->start(tag, f.text);
    if (tag % 3 == 2)
      f.finish();
  }
  CHECK(f.seen.ends.size() == 30);
  CHECK(f.server.requests() == 30);
  CHECK(f.server.accepted() == 3);
}

TEST_CASE("more exchanges than connections at hand open new ones") {
  fixture f([](auto&, auto&, int) { return scripted_answer{scripted_server::stream({"x"})}; });
  for (uint64_t tag = 0; tag < 100; ++tag)
    f.client->start(tag, f.text);
  f.finish();
  CHECK(f.seen.ends.size() == 100);
  for (const auto& [tag, end] : f.seen.ends)
    CHECK(end.end == http_end::complete);
}

TEST_CASE("a large request goes out in pieces") {
  size_t got = 0;
  fixture f([&](auto&, const std::string& b, int) {
    got = b.size();
    return scripted_answer{scripted_server::plain(200, "ok")};
  });
  f.client->set_request_timeout(5'000'000'000);
  f.text = http_request_text(f.url, "POST", "/", std::string(8'000'000, 'x'));
  CHECK(f.one().end == http_end::complete);
  CHECK(got == 8'000'000);
}

TEST_CASE("a connection that the server closed while idle is replaced silently") {
  fixture f([](auto&, auto&, int) { return scripted_answer{scripted_server::stream({"x"}), true}; });
  for (uint64_t tag = 0; tag < 3; ++tag) {
    f.client->start(tag, f.text);
    f.finish();
    CHECK(f.seen.ends[tag].end == http_end::complete);
  }
}

TEST_CASE("answers without a length end with the connection") {
  fixture f([](auto&, auto&, int) { return scripted_answer{"HTTP/1.1 500 X\r\n\r\nbroken", true}; });
  const auto end = f.one();
  CHECK(end.end == http_end::complete);
  CHECK(end.status == 500);
  CHECK(end.body == "broken");
}

TEST_CASE("interim answers are passed over") {
  fixture f([](auto&, auto&, int) {
    return scripted_answer{"HTTP/1.1 100 Continue\r\n\r\n" + scripted_server::plain(200, "real")};
  });
  CHECK(f.one().body == "real");
}

TEST_CASE("each fault has its end") {
  const auto end_of = [](scripted_answer answer, http_client_settings settings = quick()) {
    fixture f([answer](auto&, auto&, int) { return answer; }, settings);
    return f.one();
  };
  const auto impatient = quick(150'000'000);
  const auto head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  CHECK(end_of({"", false, true}).end == http_end::reset);
  CHECK(end_of({"", true}).end == http_end::reset);
  CHECK(end_of({scripted_server::stream({"a"}, false), true}).end == http_end::reset);
  CHECK(end_of({scripted_server::stream({"a"}, false), false, true}).end == http_end::reset);
  CHECK(end_of({std::string{head} + "zz\r\nhello\r\n"}).end == http_end::malformed);
  CHECK(end_of({std::string{head} + "5\r\nhelloooo\r\n"}).end == http_end::malformed);
  CHECK(end_of({"SMTP ready\r\n\r\n"}).end == http_end::malformed);
  CHECK(end_of({scripted_server::stream({"a"}, false)}, impatient).end == http_end::timed_out);
  CHECK(end_of({""}, impatient).end == http_end::timed_out);
  CHECK(end_of({scripted_server::plain(429, "slow down")}).status == 429);
}

TEST_CASE("nobody listening is refused") {
  std::string error;
  uint16_t port = 0;
  {
    scripted_server gone([](auto&, auto&, int) { return scripted_answer{}; });
    port = gone.port();
  }
  const auto url = parse_http_url("http://127.0.0.1:" + std::to_string(port), error).value();
  collector seen;
  const auto client = make_http_client(url, seen, quick());
  CHECK_FALSE(client->connect_ahead(2).empty());
  const auto text = http_request_text(url, "GET", "/", {});
  client->start(5, text);
  while (client->active() > 0)
    client->poll(10'000'000);
  CHECK(seen.ends[5].end == http_end::refused);
  CHECK(http_fetch(url, "GET", "/", {}, 200'000'000).end == http_end::refused);
}

TEST_CASE("IPv6 servers are reached, and names with several addresses") {
  scripted_server six([](auto&, auto&, int) { return scripted_answer{scripted_server::plain(200, "six")}; }, AF_INET6);
  std::string error;
  if (six.usable()) {
    const auto url = parse_http_url("http://[::1]:" + std::to_string(six.port()), error).value();
    CHECK(http_fetch(url, "GET", "/", {}, 500'000'000).body == "six");
  }
  scripted_server four([](auto&, auto&, int) { return scripted_answer{scripted_server::plain(200, "four")}; });
  const auto url = parse_http_url("http://localhost:" + std::to_string(four.port()), error).value();
  CHECK(http_fetch(url, "GET", "/", {}, 500'000'000).body == "four");
}

TEST_CASE("cancelling ends every exchange at once") {
  fixture f([](auto&, auto&, int) { return scripted_answer{scripted_server::stream({"a"}, false)}; });
  for (uint64_t tag = 0; tag < 5; ++tag)
    f.client->start(tag, f.text);
  f.client->poll(10'000'000);
  f.client->cancel_all();
  CHECK(f.client->active() == 0);
  REQUIRE(f.seen.ends.size() == 5);
  CHECK(f.seen.ends[3].end == http_end::cancelled);
}

TEST_CASE("exchanges may be started from an exchange's end") {
  struct chain final : http_observer {
    http_client* client = nullptr;
    std::string text;
    int ended = 0;
    void on_event(uint64_t, const sse_event&, const http_arrival&) override {}
    void on_end(uint64_t tag, http_outcome) override {
      ++ended;
      if (tag < 20)
        client->start(tag + 1, text);
    }
  } seen;
  scripted_server server([](auto&, auto&, int) { return scripted_answer{scripted_server::stream({"x"})}; });
  std::string error;
  const auto url = parse_http_url(server.url(), error).value();
  const auto client = make_http_client(url, seen, quick());
  seen.client = client.get();
  seen.text = http_request_text(url, "GET", "/", {});
  client->start(1, seen.text);
  while (client->active() > 0)
    client->poll(10'000'000);
  CHECK(seen.ended == 20);
  CHECK(server.accepted() == 1);
}

TEST_CASE("a server that collects small segments is not kept waiting for an acknowledgement") {
  // As Dynamo's frontend: the head at once, the first token by a call of its own, and no TCP_NODELAY.
  const auto whole = scripted_server::stream({"first"});
  const auto head_end = whole.find("\r\n\r\n") + 4;
  fixture f{[&](const std::string&, const std::string&, int) {
    return scripted_answer{whole.substr(0, head_end), false, false, whole.substr(head_end)};
  }};
  std::vector<int64_t> waits;
  for (uint64_t tag = 0; tag < 40; ++tag) { // a fresh connection acknowledges at once for a while
    f.client->start(tag, f.text);
    f.finish();
    REQUIRE(f.seen.arrivals[tag].size() == 1);
    if (tag >= 20)
      waits.push_back(f.seen.arrivals[tag].front() - f.seen.ends.at(tag).sent_ns);
  }
  std::sort(waits.begin(), waits.end());
  CHECK(f.server.accepted() == 1);
  CHECK(waits[waits.size() / 2] < 20'000'000); // 40 ms without it
}
