// economy_test.cpp: When an engine that must end measures its curve first, and that its pick is not started twice.
#include <algorithm>

#include <catch2/catch.hpp>

#include "actors/search/candidates.hpp"
#include "actors/search/curves.hpp"
#include "actors/search/economy.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::searching;
using namespace sextant::testing;

namespace {

/// A request whose whole-pool candidate comes last, and what is known once the small one was measured at one load.
knowledge one_measured(double value_ms) {
  auto request = request_for(sample::dense);
  request.pool_gpus = 8;
  auto known = first_knowledge(request);
  auto& small = *known.find("decode-TP4");
  small.report.kv_tokens = small.report.predicted_kv_tokens;
  small.grid = sweep_points(request, small.report, small.report.kv_tokens);
  small.grid_known = true;
  small.startup_s = 40;
  const auto& plan = small.grid.at(1);
  point_measured point;
  point.engine = small.report.engine;
  point.plan = plan;
  point.value_ms = value_ms;
  point.throughput_per_gpu = small.throughput_weight(spot_of(plan)) / value_ms;
  small.points[plan.point] = {plan, 1, 0, false, {}, point};
  return known;
}

} // namespace

TEST_CASE("a pick that hardly anything can beat most likely stays, one that others should beat does not") {
  CHECK(chance_to_stay(one_measured(0.5), phase::decode) > 0.95);
  CHECK(chance_to_stay(one_measured(19.9), phase::decode) < 0.4);
  CHECK(chance_to_stay(first_knowledge(request_for(sample::dense)), phase::decode) == 0);
}

TEST_CASE("an engine measures its curve before it ends when starting it again would cost more") {
  auto sure = one_measured(0.5), beaten = one_measured(19.9);
  CHECK(curve_before_end(sure, *sure.find("decode-TP4")));
  CHECK_FALSE(curve_before_end(beaten, *beaten.find("decode-TP4")));
  CHECK_FALSE(curve_before_end(sure, *sure.find("decode-TP2"))); // not the pick
}

TEST_CASE("points that the cache holds already cost no warming") {
  auto known = one_measured(10);
  const auto& candidate = *known.find("decode-TP4");
  const auto& plan = candidate.grid.back();
  const double cold = expected_seconds(candidate, plan);
  const double warm = expected_seconds(candidate, plan, static_cast<double>(plan.isl) * plan.requests);
  CHECK(warm < cold);
  CHECK(warm > 0);
  CHECK(expected_seconds(candidate, plan, 1e12) == warm);
}

TEST_CASE("the pick's engine is seldom started again for its curve where the whole pool has to change hands") {
  int again = 0, worlds = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    auto request = request_for(sample::dense);
    request.pool_gpus = 8; // of the largest candidate
    request.sla.itl_ms = 12 + static_cast<double>(seed % 20);
    world_settings settings;
    settings.seed = seed;
    auto search = make_search(request);
    const auto log = fake_world(request, settings).run(*search, seed);
    REQUIRE(log.finished);
    ++worlds;
    for (const auto& candidate : log.result.candidates)
      if (candidate.engine == log.result.decode.engine)
        again += candidate.attempts - 1;
  }
  INFO(again << " of " << worlds);
  CHECK(again <= worlds / 10); // 37 of 60 when engines end without weighing
}
