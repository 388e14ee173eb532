// plan_test.cpp: What LOAD decides before sending.
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "actors/load/answer_reader.hpp"
#include "actors/load/driver_traffic.hpp"
#include "actors/load/pace.hpp"
#include "actors/load/plan.hpp"
#include "actors/load/stop_rule.hpp"
#include "actors/load/stream_event.hpp"
#include "adapters/simulation/prompts.hpp"

using namespace sextant;
using namespace sextant::load;

namespace {

measure_point work(point_kind kind, int requests = 4) {
  measure_point w;
  w.engine = "e";
  w.simulated = true;
  w.plan.point = "e/sweep/1";
  w.plan.kind = kind;
  w.plan.isl = 100;
  w.plan.osl = 5;
  w.plan.requests = requests;
  w.plan.concurrency = requests;
  w.plan.warmup_requests = 3;
  return w;
}

void collect(std::set<uint64_t>& seen, size_t& count, const std::vector<traffic_request>& traffic) {
  for (const auto& r : traffic)
    seen.insert(r.prompt);
  count += traffic.size();
}

interval known(double mean, double half_width) {
  return {mean, mean - half_width, mean + half_width, 1, 9, true};
}

} // namespace

TEST_CASE("no prompt of a prefill point is ever sent twice") {
  std::set<uint64_t> seen;
  size_t count = 0;
  for (const auto* point : {"e/sweep/isl1", "e/sweep/isl2"})
    for (int engine_attempt = 1; engine_attempt < 3; ++engine_attempt)
      for (int attempt = 1; attempt < 4; ++attempt) {
        auto w = work(point_kind::ttft, 40);
        w.plan.point = point;
        w.attempt = attempt;
        w.engine_attempt = engine_attempt;
        collect(seen, count, warmup_traffic(w));
        for (int wave = 0; wave < 8; ++wave)
          for (int replay = 0; replay < 3; ++replay)
            collect(seen, count, wave_traffic(w, wave, replay));
      }
  CHECK(seen.size() == count);
  CHECK(warming_traffic(work(point_kind::ttft)).empty());
}

TEST_CASE("decode waves send the warmed prompts, in order, again and again") {
  auto w = work(point_kind::itl);
  w.plan.warm_prompts = true;
  w.plan.warm_osl = 2;
  const auto warming = warming_traffic(w), first = wave_traffic(w, 0, 0), later = wave_traffic(w, 3, 2);
  REQUIRE(warming.size() == 4);
  for (uint32_t i = 0; i < 4; ++i) {
    CHECK(warming[i].prompt == i);
    CHECK(warming[i].osl == 2);
    CHECK(first[i].prompt == i);
    CHECK(first[i].index == i);
    CHECK(first[i].osl == 5);
    CHECK(later[i].prompt == i);
  }
  for (const auto& r : warmup_traffic(w))
    CHECK(r.prompt > 1'000'000);
  w.plan.warm_prompts = false;
  CHECK(wave_traffic(w, 0, 0)[0].prompt != wave_traffic(w, 1, 0)[0].prompt);
}

TEST_CASE("the body is a streamed completion of exact lengths") {
  const auto body = nlohmann::json::parse(completion_body("a \"model\"", prompt_json(7, 1234567, 300), 50));
  CHECK(body["model"] == "a \"model\"");
  REQUIRE(body["prompt"].size() == 300);
  for (size_t i = 0; i < 300; ++i)
    CHECK(body["prompt"][i] == prompt_token(7, 1234567, i));
  CHECK(body["max_tokens"] == 50);
  CHECK(body["min_tokens"] == 50);
  CHECK(body["ignore_eos"] == true);
  CHECK(body["stream"] == true);
  CHECK(body["stream_options"]["include_usage"] == true);
}

TEST_CASE("a simulation is played as fast as steps, events and TTFT allow") {
  auto w = work(point_kind::itl, 1);
  CHECK(playing_speed(w) == 1); // nothing is known
  w.expected_itl_ms = 15;
  CHECK(playing_speed(w) == Approx(10)); // a step lasts 1.5 ms
  w.plan.concurrency = 36;
  CHECK(playing_speed(w) == Approx(5)); // 36 events in 3 ms
  w.plan.concurrency = 360;
  CHECK(playing_speed(w) == Approx(0.5)); // slower than life
  w.simulation_speed = 3;
  CHECK(playing_speed(w) == 3);
  CHECK(warming_speed(w) == 3);
  w.simulated = false;
  CHECK(playing_speed(w) == 1);
  CHECK(warming_speed(w) == 1);

  auto p = work(point_kind::ttft, 1);
  p.expected_ttft_ms = 400;
  p.expected_itl_ms = 3;
  CHECK(playing_speed(p) == Approx(10)); // decode steps of a prefill point do not matter
  CHECK(warming_speed(p) > 100);
  p.plan.burst_ratio = 4;
  CHECK(playing_speed(p) == Approx(2)); // the burst rule looks at them
}

TEST_CASE("a measurement gets its share of the machine, less after late waves") {
  CHECK(share_of(2, 1, 1).events_per_s == 2 * share_of(2, 2, 1).events_per_s);
  CHECK(share_of(64, 1, 1).events_per_s == share_of(2, 1, 1).events_per_s);
  CHECK(share_of(0, 0, 1).events_per_s > 0);
  playing_pace pace(2);
  const double alone = pace.share().events_per_s;
  {
    const playing_pace::turn a(pace), b(pace);
    CHECK(pace.share().events_per_s == alone / 2);
  }
  CHECK(pace.share().events_per_s == alone);
  double x = 1;
  for (int i = 0; i < 100; ++i)
    x = next_pace(x, false);
  CHECK(x == 0.125);
  CHECK(next_pace(0.5, true) > 0.5);
  CHECK(next_pace(0.99, true) == 1);
  auto w = work(point_kind::itl, 1);
  w.expected_itl_ms = 15;
  CHECK(playing_speed(w, {1e6, 0.5}) == Approx(5));
  w.simulation_speed = 3;
  CHECK(playing_speed(w, {1e6, 0.5}) == 3);
}

TEST_CASE("a wave is given up when most steps are late, or many by far") {
  auto p = work(point_kind::ttft);
  CHECK_FALSE(clearly_too_late(p, {9, 9, 9, 1000}, 1)); // no prediction
  p.expected_ttft_ms = 100;                             // 5 ms may be late
  CHECK(clearly_too_late(p, {0.006, 0.006, 0.006, 20}, 1));
  CHECK_FALSE(clearly_too_late(p, {0.006, 0.006, 0.006, 19}, 1));
  CHECK_FALSE(clearly_too_late(p, {0.004, 0.010, 0.010, 1000}, 1));
  CHECK(clearly_too_late(p, {0.004, 0.016, 0.016, 300}, 1));
  CHECK_FALSE(clearly_too_late(p, {0.004, 0.016, 0.016, 299}, 1));
}

TEST_CASE("wall times are RFC 3339 with microseconds") {
  CHECK(rfc3339_text(1'795'478'400'000'123'456) == "2026-11-24T00:00:00.000123Z");
}

TEST_CASE("lag is judged against the wall time of what is measured") {
  auto w = work(point_kind::itl);
  CHECK_FALSE(played_too_late(w, {0, 0.0009, 1}, 10, 2)); // 18 % of a step of 5 ms
  CHECK(played_too_late(w, {0, 0.0011, 1}, 10, 2));
  w.plan.osl = 501; // one percent of 500 steps of 5 ms
  CHECK_FALSE(played_too_late(w, {0, 0.0249, 1}, 10, 2));
  CHECK(played_too_late(w, {0, 0.0251, 1}, 10, 2));
  w.plan.osl = 11;
  CHECK_FALSE(played_too_late(w, {0.02, 0.0209, 1}, 10, 2)); // the same for every token: the gaps are right
  CHECK(played_too_late(w, {0.02, 0.0211, 1}, 10, 2));
  auto p = work(point_kind::ttft);
  CHECK_FALSE(played_too_late(p, {0, 0.0024, 1}, 100, 2)); // 4.8 % of 50 ms
  CHECK(played_too_late(p, {0, 0.0026, 1}, 100, 2));
  CHECK_FALSE(played_too_late(p, {0, 1, 1}, 0, 2));
}

TEST_CASE("time-outs are generous and finite") {
  auto w = work(point_kind::ttft, 10);
  CHECK(request_timeout_ns(w, 1) == 600'000'000'000);
  w.expected_ttft_ms = 1000;
  CHECK(request_timeout_ns(w, 1) == 200'000'000'000);
  CHECK(request_timeout_ns(w, 100) == 30'000'000'000);
  CHECK(request_timeout_ns(w, 0) == 86'400'000'000'000);
}

TEST_CASE("failures are judged by what they have in common") {
  using enum request_fault_class;
  const auto cause = [](std::vector<request_fault_class> faults) {
    const auto f = judge(faults, "x");
    return f ? std::string{to_text(f->kind)} + " " + std::string{to_text(f->cause)} : std::string{};
  };
  CHECK(cause({}).empty());
  CHECK(cause({none, none}).empty());
  CHECK(cause({none, reset, timed_out, client_error, server_error, malformed}).empty());
  CHECK(cause({none, refused}) == "transient engine_gone");
  CHECK(cause({reset, server_error}) == "transient engine_gone");
  CHECK(cause({client_error, client_error}) == "permanent unsupported");
  CHECK(cause({client_error, server_error}) == "transient request_failed");
  CHECK(cause({timed_out}) == "transient request_failed");
  CHECK(cause({malformed}) == "transient request_failed");
  CHECK(fault_of_status(200) == none);
  CHECK(fault_of_status(400) == client_error);
  CHECK(fault_of_status(429) == rate_limited);
  CHECK(fault_of_status(503) == server_error);
}

TEST_CASE("a point stops by precision, plan or budget") {
  point_plan p;
  p.min_waves = 2;
  p.max_waves = 4;
  CHECK_FALSE(stop_after(p, 1, known(100, 0)));
  CHECK_FALSE(stop_after(p, 2, known(100, 0))); // no precision asked for
  CHECK(stop_after(p, 4, known(100, 0)) == stop_reason::plan);
  p.relative_half_width = 0.05;
  CHECK_FALSE(stop_after(p, 1, known(100, 1)));
  CHECK(stop_after(p, 2, known(100, 4.7)) == stop_reason::precision);
  CHECK_FALSE(stop_after(p, 2, known(100, 4.9)));
  CHECK_FALSE(stop_after(p, 3, {100, 100, 100, 0, 1, false})); // one sample has no interval
  CHECK(stop_after(p, 4, known(100, 50)) == stop_reason::budget);
  p.max_waves = 1;
  CHECK(stop_after(p, 2, known(100, 50)) == stop_reason::budget);
}

TEST_CASE("stream events are read as Dynamo writes them") {
  const auto token = read_stream_event("", R"({"id":"c","choices":[{"text":" defa","index":0}],"usage":null})");
  CHECK(token.output);
  CHECK_FALSE(token.has_usage);
  CHECK(token.error.empty());
  const auto finish = read_stream_event("", R"({"choices":[{"text":"","index":0,"finish_reason":"length"}]})");
  CHECK_FALSE(finish.output);
  CHECK(finish.finished);
  const auto usage = read_stream_event(
      "",
      R"({"choices":[],"usage":{"prompt_tokens":256,"completion_tokens":64,"prompt_tokens_details":{"audio_tokens":null,"cached_tokens":192}}})");
  CHECK(usage.has_usage);
  CHECK_FALSE(usage.output);
  CHECK(usage.prompt_tokens == 256);
  CHECK(usage.completion_tokens == 64);
  CHECK(usage.cached_tokens == 192);
  CHECK(read_stream_event("",
                          R"({"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":1,"prompt_tokens_details":null}})")
            .cached_tokens
        == 0);
  CHECK(read_stream_event("", "[DONE]").done);
  CHECK(read_stream_event("", R"({"error":{"message":"no"}})").error.find("no") != std::string::npos);
  CHECK_FALSE(read_stream_event("error", "engine died").malformed);
  CHECK(read_stream_event("error", "engine died").error == "the engine reports: engine died");
  CHECK(read_stream_event("", "{\"choices\":[").malformed);
  CHECK(read_stream_event("", "").malformed);
  CHECK_FALSE(read_stream_event("", "[1,2]").error.empty());
}
