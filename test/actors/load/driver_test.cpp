// driver_test.cpp: Measurements against a scripted HTTP engine that does everything right, and everything wrong.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "actors/load/driver_traffic.hpp"
#include "actors/load/pace.hpp"
#include "actors/metrics/summary.hpp"
#include "test/adapters/http/scripted_server.hpp"

using namespace sextant;
using namespace sextant::load;
using nlohmann::json;
using testing::scripted_answer;
using testing::scripted_server;

namespace {

/// A complete, correct answer to a completion request.
std::string good_answer(const json& body, int cached = 0) {
  std::vector<std::string> events;
  const int osl = body["max_tokens"];
  for (int i = 0; i < osl; ++i)
    events.push_back(R"({"choices":[{"text":" t","index":0}],"usage":null})");
  events.push_back(R"({"choices":[{"text":"","index":0,"finish_reason":"length"}]})");
  events.push_back(json{{"choices", json::array()},
                        {"usage",
                         {{"prompt_tokens", body["prompt"].size()},
                          {"completion_tokens", osl},
                          {"prompt_tokens_details", {{"cached_tokens", cached}}}}}}
                       .dump());
  events.push_back("[DONE]");
  return scripted_server::stream(events);
}

measure_point work_at(const std::string& endpoint, point_kind kind = point_kind::ttft, int requests = 4) {
  measure_point w;
  w.engine = "e";
  w.endpoint = endpoint;
  w.served_model = "m";
  w.plan.point = "e/sweep/1";
  w.plan.kind = kind;
  w.plan.isl = 40;
  w.plan.osl = 5;
  w.plan.requests = requests;
  w.plan.concurrency = requests;
  return w;
}

traffic_limits quick() {
  return {300'000'000, 150'000'000};
}

/// Drives one point at a server whose completions are answered by `answer(body, number of the completion)`.
struct engine {
  using script = std::function<scripted_answer(const json& body, int number)>;

  explicit engine(script answer)
      : server([this, answer](const std::string& head, const std::string& body, int) {
          const std::lock_guard lock(guard);
          if (head.find(" /simulation ") != std::string::npos)
            return on_simulation(head, body);
          bodies.push_back(json::parse(body));
          return answer(bodies.back(), static_cast<int>(bodies.size()) - 1);
        }) {}

  scripted_answer on_simulation(const std::string& head, const std::string& body) {
    if (speeds_known && head.find("POST") == 0)
      speeds.push_back(json::parse(body)["speed"]);
    return speeds_known ? scripted_answer{scripted_server::plain(200, json{{"speed", speeds.back()},
                                                                           {"lag_p50_s", lag_s(speeds.back()) / 2},
                                                                           {"lag_p99_s", lag_s(speeds.back())},
                                                                           {"steps", 100},
                                                                           {"virtual_s", 0}}
                                                                          .dump())}
                        : scripted_answer{scripted_server::plain(404, "no")};
  }

  drive_outcome drive(measure_point w, traffic_limits limits = quick()) {
    w.endpoint = server.url();
    limits.pace = &pace;
    return drive_with_limits("r", w, cancelled, limits);
  }

  std::mutex guard;
  std::vector<json> bodies;
  std::vector<double> speeds;
  bool speeds_known = false;
  std::function<double(double)> lag_s = [](double) { return 0.0; };
  playing_pace pace{1};
  std::atomic<bool> cancelled{false};
  scripted_server server;
};

scripted_answer good(const json& body, int) {
  return {good_answer(body)};
}

} // namespace

TEST_CASE("a point is driven with warm-up and waves, and every token is on record") {
  engine e(good);
  auto w = work_at("");
  w.plan.warmup_requests = 3;
  w.plan.max_waves = 2;
  const auto out = e.drive(w);
  REQUIRE(out.ok);
  CHECK(e.bodies.size() == 3 + 2 * 4);
  REQUIRE(out.records.requests.size() == 8);
  CHECK(out.records.requests[7].wave == 1);
  CHECK(out.records.stopped == stop_reason::plan);
  CHECK(out.records.clock == "live");
  CHECK(out.records.speed == 1);
  for (const auto& r : out.records.requests) {
    CHECK(r.error.empty());
    CHECK(r.token_ns.size() == 5);
    CHECK(r.usage_tokens == 5);
    CHECK(r.input_tokens == 40);
    CHECK(r.intended_ns <= r.sent_ns);
    CHECK(r.sent_ns < r.token_ns.front());
    CHECK(std::is_sorted(r.token_ns.begin(), r.token_ns.end()));
  }
  CHECK(out.records.wall_ns >= out.records.engine_ns);
  const auto result = summarise(out.records);
  REQUIRE(std::holds_alternative<point_measured>(result));
  CHECK(std::get<point_measured>(result).valid);
}

TEST_CASE("prompts of a prefill point are all different, of a decode point the warmed ones") {
  engine e(good);
  auto w = work_at("");
  w.plan.max_waves = 3;
  REQUIRE(e.drive(w).ok);
  std::set<json> prompts;
  for (const auto& body : e.bodies)
    prompts.insert(body["prompt"]);
  CHECK(prompts.size() == 12);

  engine d([](const json& body, int) { return scripted_answer{good_answer(body, 32)}; });
  w = work_at("", point_kind::itl);
  w.plan.warm_prompts = true;
  w.plan.max_waves = 2;
  const auto out = d.drive(w);
  REQUIRE(out.ok);
  CHECK(out.records.requests[0].cached_tokens == 32);
  std::map<json, std::vector<int>> uses;
  for (const auto& body : d.bodies)
    uses[body["prompt"]].push_back(body["max_tokens"]);
  REQUIRE(out.records.warming.size() == 4);
  CHECK(out.records.warming[3].token_ns.size() == 1);
  CHECK(out.records.warming[3].sent_ns < out.records.requests[0].sent_ns);
  CHECK(out.records.warming_started <= out.records.started);
  CHECK(out.records.started.size() == std::string{"2026-11-24T00:00:00.000000Z"}.size());
  REQUIRE(uses.size() == 4);
  for (const auto& [prompt, tokens] : uses)
    CHECK(tokens == std::vector<int>{1, 5, 5});
}

TEST_CASE("requests of a wave are sent in order and never more at once than planned") {
  engine e(good);
  auto w = work_at("", point_kind::ttft, 30);
  w.plan.concurrency = 1;
  const auto out = e.drive(w);
  REQUIRE(out.ok);
  for (size_t i = 1; i < 30; ++i) {
    CHECK(out.records.requests[i].index == i);
    CHECK(out.records.requests[i].sent_ns >= out.records.requests[i - 1].token_ns.back());
  }
}

TEST_CASE("an engine that is not there is gone, for now") {
  uint16_t port = 0;
  {
    scripted_server gone([](auto&, auto&, int) { return scripted_answer{}; });
    port = gone.port();
  }
  const std::atomic<bool> cancelled{false};
  const auto out = drive_measurement("r", work_at("http://127.0.0.1:" + std::to_string(port)), cancelled);
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.kind == failure_class::transient);
  CHECK(out.error.cause == failure_cause::engine_gone);
}

TEST_CASE("an engine that resets every request is gone") {
  engine e([](const json&, int) { return scripted_answer{"", false, true}; });
  const auto out = e.drive(work_at(""));
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.cause == failure_cause::engine_gone);
}

TEST_CASE("an engine that refuses every request does not support them, and is not asked for all") {
  engine e([](const json&, int) { return scripted_answer{scripted_server::plain(400, "Unsupported parameter(s): `foo`")}; });
  auto w = work_at("", point_kind::ttft, 50);
  w.plan.concurrency = 2;
  const auto out = e.drive(w);
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.kind == failure_class::permanent);
  CHECK(out.error.cause == failure_cause::unsupported);
  CHECK(out.error.detail.find("HTTP 400: Unsupported parameter") != std::string::npos);
  CHECK(e.bodies.size() < 10);
}

TEST_CASE("overload, server errors, stalls and nonsense from all requests are transient") {
  const auto cause = [](engine::script script) {
    engine e(std::move(script));
    const auto out = e.drive(work_at("", point_kind::ttft, 2));
    return out.ok ? std::string{"ok"} : std::string{to_text(out.error.kind)} + " " + std::string{to_text(out.error.cause)};
  };
  const auto answering = [](std::string bytes) { return [bytes](const json&, int) { return scripted_answer{bytes}; }; };
  CHECK(cause(answering(scripted_server::plain(429, "slow down"))) == "transient request_failed");
  CHECK(cause(answering(scripted_server::plain(500, "oops"))) == "transient request_failed");
  CHECK(cause(answering("")) == "transient request_failed");
  CHECK(cause(answering(scripted_server::stream({R"({"choices":[{"text":"a"}]})"}, false))) == "transient request_failed");
  CHECK(cause(answering(scripted_server::stream({"{not json"}))) == "transient request_failed");
  CHECK(cause(answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")) == "transient request_failed");
  CHECK(cause(answering(scripted_server::stream({R"({"error":{"message":"engine died"}})", "[DONE]"})))
        == "transient request_failed");
}

TEST_CASE("single failures stay on record and leave the point to judge") {
  // One request each: server error, error event, cut stream, reset, invalid JSON, too few tokens; the others are good.
  engine e([](const json& body, int) -> scripted_answer {
    static const std::string token = R"({"choices":[{"text":"a"}]})";
    const int first = body["prompt"][0];
    static std::map<int, int> order;
    const auto number =
        order.emplace(first * 2000 + body["prompt"][1].get<int>(), static_cast<int>(order.size())).first->second;
    switch (number) {
      case 1:
        return {scripted_server::plain(500, "oops")};
      case 2:
        return {scripted_server::stream({token, R"({"error":{"message":"died"}})", "[DONE]"})};
      case 3:
        return {scripted_server::stream({token}, false), true};
      case 4:
        return {scripted_server::stream({token}, false), false, true};
      case 5:
        return {scripted_server::stream({token, "{", "[DONE]"})};
      case 6:
        return {scripted_server::stream({token, "[DONE]"})};
      case 7:
        return {scripted_server::stream({token, token})};
      default:
        return {good_answer(body)};
    }
  });
  auto w = work_at("", point_kind::ttft, 20);
  w.plan.concurrency = 1;
  const auto out = e.drive(w);
  REQUIRE(out.ok);
  std::vector<std::string> errors;
  for (const auto& r : out.records.requests)
    errors.push_back(r.error);
  REQUIRE(errors.size() == 20);
  CHECK(errors[0].empty());
  CHECK(errors[1] == "HTTP 500: oops");
  CHECK(errors[2].find("died") != std::string::npos);
  CHECK(errors[3].find("connection ended") != std::string::npos);
  CHECK_FALSE(errors[4].empty());
  CHECK(errors[5].find("not JSON") != std::string::npos);
  CHECK(errors[6].empty()); // a wrong length is for METRICS to see
  CHECK(errors[7] == "the stream ended without [DONE]");
  CHECK(errors[8].empty());
  const auto result = summarise(out.records);
  REQUIRE(std::holds_alternative<point_measured>(result));
  const auto& m = std::get<point_measured>(result);
  CHECK_FALSE(m.valid);
  CHECK(m.ttft.count == 13);
}

TEST_CASE("wrong counts of every request fail in the summary, not in the traffic") {
  engine e([](const json& body, int) {
    auto shorter = body;
    shorter["max_tokens"] = 3;
    return scripted_answer{good_answer(shorter)};
  });
  const auto out = e.drive(work_at(""));
  REQUIRE(out.ok);
  const auto result = summarise(out.records);
  REQUIRE(std::holds_alternative<failure>(result));
  CHECK(std::get<failure>(result).detail.find("got 3 output tokens instead of 5") != std::string::npos);
}

TEST_CASE("a cancelled measurement ends as such") {
  engine e([&](const json&, int) { return scripted_answer{""}; });
  std::thread canceller([&] {
    while (e.server.requests() == 0)
      std::this_thread::yield();
    e.cancelled = true;
  });
  const auto out = e.drive(work_at(""), {0, 60'000'000'000});
  canceller.join();
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.cause == failure_cause::cancelled);
  CHECK(out.error.kind == failure_class::transient);
}

TEST_CASE("cancelling does not wait for a connection") {
  // A listener whose queue is full does not answer: a connection to it takes until its time-out.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&a), size) == 0);
  REQUIRE(listen(listener, 0) == 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&a), &size);
  std::vector<int> queued;
  for (int i = 0; i < 4; ++i) {
    queued.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    connect(queued.back(), reinterpret_cast<sockaddr*>(&a), size);
  }
  for (const bool simulated : {false, true}) {
    auto w = work_at("http://127.0.0.1:" + std::to_string(ntohs(a.sin_port)));
    w.simulated = simulated;
    std::atomic<bool> cancelled{false};
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds{30});
      cancelled = true;
    });
    const auto out = drive_with_limits("r", w, cancelled, {60'000'000'000, 60'000'000'000});
    canceller.join();
    REQUIRE_FALSE(out.ok);
    CHECK(out.error.cause == failure_cause::cancelled);
  }
  for (const int fd : queued)
    close(fd);
  close(listener);
}

TEST_CASE("cancelling before the first request sends none") {
  engine e(good);
  e.cancelled = true;
  const auto out = e.drive(work_at(""));
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.cause == failure_cause::cancelled);
  CHECK(e.bodies.empty());
}

TEST_CASE("impossible plans and endpoints are refused for good") {
  const std::atomic<bool> cancelled{false};
  auto w = work_at("ftp://example");
  CHECK(drive_measurement("r", w, cancelled).error.kind == failure_class::permanent);
  w = work_at("http://127.0.0.1:1", point_kind::itl);
  w.plan.osl = 1;
  CHECK(drive_measurement("r", w, cancelled).error.kind == failure_class::permanent);
  CHECK(drive_measurement("r", work_at("virtual:nonsense"), cancelled).error.kind == failure_class::permanent);
}

TEST_CASE("a simulated engine is played at a chosen speed and its times are scaled back") {
  engine e(good);
  e.speeds_known = true;
  auto w = work_at("");
  w.simulated = true;
  w.expected_ttft_ms = 400;
  w.plan.warmup_requests = 1;
  const auto out = e.drive(w);
  REQUIRE(out.ok);
  CHECK(out.records.clock == "scaled");
  CHECK(out.records.speed == Approx(10));
  REQUIRE(e.speeds.size() == 2);
  CHECK(e.speeds[0] > 100); // warming
  CHECK(e.speeds[1] == Approx(10));
  CHECK(out.records.remarks.empty());
}

TEST_CASE("a short wave that was played too late is tried again, then played at half the speed") {
  engine e(good);
  e.speeds_known = true;
  e.lag_s = [](double speed) { return speed > 3 ? 10.0 : 0.0; };
  auto w = work_at("");
  w.simulated = true;
  w.expected_ttft_ms = 400;
  const auto out = e.drive(w);
  REQUIRE(out.ok);
  CHECK(e.speeds == std::vector<double>{10, 10, 10, 5, 5, 5, 2.5});
  CHECK(e.pace.share().pace < 1);
  CHECK(out.records.speed == 2.5);
  CHECK(out.records.requests.size() == 4);
  CHECK(out.records.remarks.empty());
  std::set<json> prompts;
  for (const auto& body : e.bodies)
    prompts.insert(body["prompt"]);
  CHECK(prompts.size() == 28);
}

TEST_CASE("a wave that is clearly too late ends early and goes on at half the speed") {
  engine e(
      [&](const json& body, int) { return e.speeds.back() > 9 ? scripted_answer{""} : scripted_answer{good_answer(body)}; });
  e.speeds_known = true;
  e.lag_s = [](double speed) { return speed > 9 ? 10.0 : 0.0; };
  auto w = work_at("");
  w.simulated = true;
  w.expected_ttft_ms = 400;
  const auto out = e.drive(w, {0, 60'000'000'000});
  REQUIRE(out.ok); // those requests were never answered
  CHECK(e.speeds == std::vector<double>{10, 5});
  REQUIRE(out.records.requests.size() == 4);
  for (const auto& r : out.records.requests)
    CHECK(r.error.empty());
  CHECK(out.records.remarks.empty());
}

TEST_CASE("a machine that is always too slow is blamed, not the engine") {
  engine e(good);
  e.speeds_known = true;
  e.lag_s = [](double) { return 10.0; };
  auto w = work_at("");
  w.simulated = true;
  w.expected_ttft_ms = 400;
  auto out = e.drive(w);
  REQUIRE(out.ok);
  CHECK(e.speeds.size() == 2 * 3 + 1);
  CHECK(out.records.speed == e.speeds.back());
  CHECK(out.records.remarks == std::vector<std::string>{"the machine could not play this engine in real time"});
  e.speeds.clear();
  w.simulation_speed = 7; // asked for: kept
  w.plan.max_waves = 2;
  out = e.drive(w);
  REQUIRE(out.ok);
  CHECK(e.speeds == std::vector<double>{7, 7});
  CHECK(out.records.remarks.size() == 1);
}

TEST_CASE("a simulated engine without a speed to set runs in real time") {
  engine e(good);
  auto w = work_at("");
  w.simulated = true;
  w.expected_ttft_ms = 400;
  const auto out = e.drive(w);
  REQUIRE(out.ok);
  CHECK(out.records.clock == "live");
  CHECK(out.records.speed == 1);
}
