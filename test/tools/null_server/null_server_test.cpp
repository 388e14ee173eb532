// null_server_test.cpp: The null server keeps its times, counts right, and fails in the ways that it is asked to.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "adapters/http/client.hpp"
#include "tools/null_server/null_service.hpp"

using namespace sextant;
using namespace sextant::null_server;

namespace {

server_settings settings_of(const std::vector<std::string>& words) {
  std::vector<std::string> errors;
  auto out = read_settings(words, errors);
  for (const auto& e : errors)
    UNSCOPED_INFO(e);
  REQUIRE(errors.empty());
  return out;
}

/// A null server in a thread, and a client that keeps what it sees.
class null_fixture : http_observer {
public:
  explicit null_fixture(const std::vector<std::string>& words)
      : settings(settings_of(words)), service(settings, log, monotonic_ns()) {
    std::string error;
    http_server_settings at;
    at.stamp_requests = true;
    server = make_http_server(service, at, error);
    REQUIRE(server);
    service.attach(*server);
    thread_ = std::thread{[this] { server->run(); }};
    url = *parse_http_url("http://127.0.0.1:" + std::to_string(server->port()), error);
  }
  ~null_fixture() override {
    server->stop();
    thread_.join();
  }

  struct answer {
    std::vector<nlohmann::json> events; ///< those that are JSON
    std::vector<http_arrival> arrivals; ///< of the same
    size_t not_json = 0, done = 0;
    http_outcome outcome;
  };

  /// Starts all bodies at once and waits for the ends.
  std::vector<answer> ask(const std::string& path, const std::vector<std::string>& bodies,
                          int64_t timeout_ns = 5'000'000'000) {
    answers_.assign(bodies.size(), {});
    std::vector<std::string> texts;
    for (const auto& b : bodies)
      texts.push_back(http_request_text(url, "POST", path, b, {{"X-Request-ID", "r" + std::to_string(texts.size())}}));
    http_client_settings with;
    with.request_timeout_ns = timeout_ns;
    const auto client = make_http_client(url, *this, with);
    for (size_t i = 0; i < texts.size(); ++i)
      client->start(i, texts[i]);
    while (client->active() > 0)
      client->poll(10'000'000);
    return answers_;
  }

  server_settings settings;
  answer_log log{true};
  null_service service;
  std::unique_ptr<http_server> server;
  http_url url;

private:
  void on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) override {
    auto& a = answers_[tag];
    if (event.data == "[DONE]") {
      ++a.done;
    } else if (auto json = nlohmann::json::parse(event.data, nullptr, false); json.is_discarded()) {
      ++a.not_json;
    } else {
      a.events.push_back(std::move(json));
      a.arrivals.push_back(arrival);
    }
  }
  void on_end(uint64_t tag, http_outcome outcome) override { answers_[tag].outcome = std::move(outcome); }

  std::thread thread_;
  std::vector<answer> answers_;
};

std::string body(int tokens, bool stream = true) {
  return R"({"model":"m","prompt":[5,6,7],"max_tokens":)" + std::to_string(tokens) + R"(,"stream":)"
         + (stream ? R"(true,"stream_options":{"include_usage":true}})" : "false}");
}

} // namespace

TEST_CASE("every wrong flag is told at once") {
  std::vector<std::string> errors;
  read_settings({"--prot", "4", "--itl-ms=x", "--fault", "reset=0.7", "--fault", "stall=0.5", "--threads", "1.5", "--log"},
                errors);
  REQUIRE(errors.size() == 5);
  CHECK(errors[0] == "--prot: no such flag; meant is perhaps --port");
  CHECK(errors[1].find("--itl-ms: found x; accepted is a number") == 0);
  CHECK(errors[2].find("--threads: found 1.5; accepted is a whole number from 1 to 64") == 0);
  CHECK(errors[3] == "--log: a value is missing");
  CHECK(errors[4].find("add up to 1.2") != std::string::npos);
}

TEST_CASE("faults have their shares, and laws their means") {
  const auto settings =
      settings_of({"--fault", "reset=0.1", "--fault=stall=0.05", "--ttft-cv", "0.5", "--itl-cv", "1", "--seed", "7"});
  std::map<fault_kind, int> counts;
  double ttft_ms = 0, gap_ms = 0;
  constexpr int n = 20'000;
  for (uint64_t i = 0; i < n; ++i) {
    ++counts[fault_of(settings, i)];
    ttft_ms += static_cast<double>(ttft_ns(settings, i)) / 1e6 / n;
    gap_ms += static_cast<double>(gap_ns(settings, 3, i)) / 1e6 / n;
  }
  CHECK(counts[fault_kind::reset] == Approx(0.1 * n).epsilon(0.1));
  CHECK(counts[fault_kind::stall] == Approx(0.05 * n).epsilon(0.1));
  CHECK(counts.size() == 3);
  CHECK(ttft_ms == Approx(100).epsilon(0.02)); // deviation of the mean: 0.35 %
  CHECK(gap_ms == Approx(20).epsilon(0.04));   // deviation of the mean: 0.7 %
}

TEST_CASE("ticks lie on their grid") {
  CHECK(tick_at_or_after(1000, 20, 900) == 1000);
  CHECK(tick_at_or_after(1000, 20, 1020) == 1020);
  CHECK(tick_at_or_after(1000, 20, 1021) == 1040);
}

TEST_CASE("a burst's events leave at equal ticks, and carry the time of their sending") {
  null_fixture f({"--ttft-ms", "30", "--itl-ms", "10", "--tokens-per-event", "2"});
  const auto answers = f.ask("/v1/completions", {body(7), body(7), body(7)});
  int64_t first_tick = 0;
  for (const auto& a : answers) {
    CHECK(a.outcome.end == http_end::complete);
    CHECK(a.done == 1);
    REQUIRE(a.events.size() == 6); // 2 + 2 + 2 + 1 tokens, finish reason, usage
    CHECK(a.events[5]["usage"]["prompt_tokens"] == 3);
    CHECK(a.events[5]["usage"]["completion_tokens"] == 7);
    for (size_t i = 0; i < 4; ++i) {
      const auto& stamps = a.events[i]["null_server"];
      const int64_t sent = stamps["sent_ns"], scheduled = stamps["scheduled_ns"];
      CHECK(stamps["event"] == i);
      CHECK(sent >= scheduled);
      CHECK(a.arrivals[i].at_ns >= sent);
      if (first_tick == 0)
        first_tick = scheduled;
      CHECK((scheduled - first_tick) % 10'000'000 == 0);
    }
  }
}

TEST_CASE("staggered answers keep their own times and plain ones take as long as streamed ones") {
  null_fixture f({"--ttft-ms", "20", "--itl-ms", "5", "--pattern", "staggered"});
  const int64_t before = monotonic_ns();
  const auto answers = f.ask("/v1/completions", {body(3), body(3, false)});
  const auto& streamed = answers[0];
  REQUIRE(streamed.events.size() == 5);
  const int64_t first = streamed.events[0]["null_server"]["scheduled_ns"];
  CHECK(first >= before + 20'000'000);
  CHECK(streamed.events[2]["null_server"]["scheduled_ns"] == first + 10'000'000);
  const auto plain = nlohmann::json::parse(answers[1].outcome.body);
  CHECK(plain["usage"]["completion_tokens"] == 3);
  CHECK(answers[1].outcome.ended_ns - answers[1].outcome.sent_ns >= 29'000'000);
}

TEST_CASE("unpaced answers come whole, and the log knows all of them") {
  null_fixture f({"--pattern", "unpaced"});
  const std::vector<std::string> bodies(20, body(500));
  for (const auto& a : f.ask("/v1/completions", bodies)) {
    CHECK(a.outcome.end == http_end::complete);
    CHECK(a.events.size() == 502);
  }
  const auto page = http_fetch(f.url, "GET", "/metrics", "", 1'000'000'000).body;
  CHECK(page.find("dynamo_frontend_time_to_first_token_seconds_count{model=\"null\"} 20") != std::string::npos);
  CHECK(page.find("dynamo_frontend_inter_token_latency_seconds_count{model=\"null\"} 9980") != std::string::npos);
}

TEST_CASE("each fault looks like itself") {
  struct expectation {
    const char* fault;
    http_end end;
    int status;
    size_t events; ///< JSON events of an answer of eight tokens
    size_t not_json, done;
  };
  const auto e = GENERATE(
      expectation{"hang-up", http_end::reset, 0, 0, 0, 0}, expectation{"reset", http_end::reset, 200, 4, 0, 0},
      expectation{"half-close", http_end::reset, 200, 4, 0, 0}, expectation{"stall", http_end::timed_out, 200, 4, 0, 0},
      expectation{"slow", http_end::complete, 200, 10, 0, 1}, expectation{"bad-chunk", http_end::malformed, 200, 4, 0, 0},
      expectation{"bad-json", http_end::complete, 200, 10, 1, 1},
      expectation{"wrong-count", http_end::complete, 200, 6, 0, 1},
      expectation{"error-event", http_end::complete, 200, 5, 0, 1},
      expectation{"http-400", http_end::complete, 400, 0, 0, 0}, expectation{"http-500", http_end::complete, 500, 0, 0, 0},
      expectation{"http-429-retry-after", http_end::complete, 429, 0, 0, 0});
  null_fixture f({"--ttft-ms", "1", "--itl-ms", "1", "--slow-piece-ms", "0.05", "--fault", e.fault});
  const auto a = f.ask("/v1/completions", {body(8)}, 400'000'000).front();
  INFO(e.fault);
  CHECK(a.outcome.end == e.end);
  CHECK(a.outcome.status == e.status);
  CHECK(a.events.size() == e.events);
  CHECK(a.not_json == e.not_json);
  CHECK(a.done == e.done);
  CHECK((a.outcome.retry_after == "1") == (a.outcome.status == 429));
}

TEST_CASE("faults of plain answers") {
  struct expectation {
    const char* fault;
    http_end end;
  };
  const auto e = GENERATE(expectation{"reset", http_end::reset}, expectation{"half-close", http_end::reset},
                          expectation{"stall", http_end::timed_out}, expectation{"bad-chunk", http_end::malformed},
                          expectation{"slow", http_end::complete}, expectation{"bad-json", http_end::complete},
                          expectation{"error-event", http_end::complete});
  null_fixture f({"--ttft-ms", "1", "--itl-ms", "1", "--slow-piece-ms", "0.05", "--fault", e.fault});
  const auto a = f.ask("/v1/completions", {body(8, false)}, 400'000'000).front();
  INFO(e.fault);
  CHECK(a.outcome.end == e.end);
}

TEST_CASE("a record is one line of JSON") {
  answer_record r;
  r.request_id = "a\"b";
  r.fault = fault_kind::rate_limited;
  r.sent_ns = {5, 7};
  r.scheduled_ns = {4, 6};
  const auto json = nlohmann::json::parse(json_line(r));
  CHECK(json["request_id"] == "a\"b");
  CHECK(json["fault"] == "http-429-retry-after");
  CHECK(json["sent_ns"] == nlohmann::json({5, 7}));
  CHECK(json["ended"] == "open");
}
