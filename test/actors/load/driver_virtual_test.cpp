// driver_virtual_test.cpp: Measurements in virtual time.
#include <algorithm>
#include <chrono>
#include <cmath>

#include <catch2/catch.hpp>

#include "actors/load/driver.hpp"
#include "actors/metrics/summary.hpp"
#include "adapters/simulation/engine_core.hpp"
#include "test/actors/load/simulated_model.hpp"

using namespace sextant;

namespace {

deploy_engine dense(phase role) {
  auto d = testing::dense_engine(role);
  d.simulation = "virtual";
  return d;
}

measure_point work(const deploy_engine& engine, point_kind kind, int concurrency) {
  measure_point w;
  w.engine = engine.engine;
  w.endpoint = virtual_endpoint(engine);
  w.simulated = true;
  w.plan.point = "e/sweep/c" + std::to_string(concurrency);
  w.plan.kind = kind;
  w.plan.isl = 3000;
  w.plan.osl = kind == point_kind::ttft ? 5 : 500;
  w.plan.concurrency = w.plan.requests = concurrency;
  w.plan.gpus = engine.layout.gpus;
  return w;
}

point_measured measure(const std::string& request, const measure_point& w) {
  const std::atomic<bool> cancelled{false};
  const auto out = drive_measurement(request, w, cancelled);
  INFO(out.error.detail);
  REQUIRE(out.ok);
  const auto result = summarise(out.records);
  REQUIRE(std::holds_alternative<point_measured>(result));
  return std::get<point_measured>(result);
}

} // namespace

TEST_CASE("virtual: a prefill point has the engine's TTFT with fresh prompts") {
  auto w = work(dense(phase::prefill), point_kind::ttft, 1);
  w.plan.min_waves = 3;
  w.plan.max_waves = 8;
  w.plan.relative_half_width = 0.03;
  w.plan.warmup_requests = 3;
  const auto m = measure("virtual-prefill", w);
  CHECK(m.valid);
  CHECK(m.clock == "virtual");
  CHECK(m.stopped == stop_reason::precision);
  CHECK(m.cached_share == 0);
  CHECK(m.value_ms > 10);
  CHECK(m.value_ms < 1000);
  CHECK(m.value_low_ms < m.value_ms);
  CHECK(m.engine_s > m.value_ms / 1e3 * 6);
}

TEST_CASE("virtual: a decode point finds its warmed prompts in the cache and its ITL grows with concurrency") {
  const auto engine = dense(phase::decode);
  double before = 0;
  for (const int concurrency : {1, 16, 64}) {
    auto w = work(engine, point_kind::itl, concurrency);
    w.plan.warm_prompts = true;
    const auto m = measure("virtual-decode", w);
    CHECK(m.valid);
    CHECK(m.cached_share > 0.95);
    CHECK(m.value_ms > before);
    CHECK(m.remarks.empty());
    before = m.value_ms;
  }
}

TEST_CASE("virtual: equal measurements of equal engines are equal") {
  auto w = work(dense(phase::decode), point_kind::itl, 8);
  w.plan.warm_prompts = true;
  const auto a = measure("virtual-equal-a", w), b = measure("virtual-equal-b", w);
  CHECK(a.value_ms == b.value_ms);
  CHECK(a.samples.ttft_ms == b.samples.ttft_ms);
}

TEST_CASE("virtual: a request no engine can hold is unsupported") {
  auto w = work(dense(phase::decode), point_kind::itl, 2);
  w.plan.isl = 100'000;
  const std::atomic<bool> cancelled{false};
  const auto out = drive_measurement("virtual-too-long", w, cancelled);
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.kind == failure_class::permanent);
  CHECK(out.error.cause == failure_cause::unsupported);
}

TEST_CASE("virtual: a cancelled measurement leaves the engine usable") {
  auto w = work(dense(phase::decode), point_kind::itl, 4);
  std::atomic<bool> cancelled{true};
  const auto out = drive_measurement("virtual-cancel", w, cancelled);
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.cause == failure_cause::cancelled);
  w.plan.warm_prompts = true;
  CHECK(measure("virtual-cancel", w).valid);
}

TEST_CASE("virtual: closed loop keeps the planned number in flight") {
  auto w = work(dense(phase::decode), point_kind::itl, 8);
  w.plan.requests = 64;
  w.plan.osl = 50;
  const auto m = measure("virtual-loop", w);
  CHECK(m.valid);
  // Microseconds; an end is the sum of two rounded samples, so that it may stand one late beside the start that follows it.
  std::vector<std::pair<long long, int>> changes;
  for (size_t i = 0; i < 64; ++i) {
    changes.emplace_back(std::llround(m.samples.start_ms[i] * 1e3), 1);
    changes.emplace_back(std::llround((m.samples.start_ms[i] + m.samples.latency_ms[i]) * 1e3) - 1, -1);
  }
  std::sort(changes.begin(), changes.end()); // at equal times the end comes first
  int in_flight = 0, most = 0;
  for (const auto& [at, change] : changes)
    most = std::max(most, in_flight += change);
  CHECK(most == 8);
}

TEST_CASE("virtual: a burst over attention ranks gives the time of one round") {
  auto engine = testing::dense_engine(phase::prefill, {mapping_method::dep, 4});
  engine.simulation = "virtual";
  engine.model.is_moe = true;
  engine.model.family = "MOE";
  engine.model.experts = 64;
  engine.model.experts_per_token = 4;
  engine.model.moe_intermediate = 1536;
  auto one = work(engine, point_kind::ttft, 4);
  one.plan.attention_dp = 4;
  const auto round = measure("virtual-round", one);
  auto w = work(engine, point_kind::ttft, 16);
  w.plan.attention_dp = 4;
  w.plan.burst_ratio = 4;
  w.plan.warmup_requests = 12;
  const auto m = measure("virtual-burst", w);
  CHECK(m.valid);
  CHECK(m.value_low_ms < m.value_ms);
  CHECK(m.ttft.max > m.value_ms * 3);
  CHECK(m.value_ms > round.ttft.max * 0.5);
  CHECK(m.value_ms < round.ttft.max * 1.5);
}

TEST_CASE("virtual: a large point is played", "[.bench]") {
  auto w = work(dense(phase::decode), point_kind::itl, 1000);
  w.plan.isl = 512;
  const auto begin = std::chrono::steady_clock::now();
  const auto m = measure("virtual-large", w);
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  WARN("1000 requests of 500 tokens: " << took << " s, ITL " << m.value_ms << " ms");
  CHECK(m.valid);
}
