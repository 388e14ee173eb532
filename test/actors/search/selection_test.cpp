// selection_test.cpp: The recommendation rule, its messages, and what is told beside the pick.
#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "actors/search/pick.hpp"
#include "actors/search/selection.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::searching;

namespace {

scored_point point(const char* engine, int n, double ms, double throughput) {
  return {engine, {mapping_method::tp, 1}, n, ms, ms, ms, throughput, 1000};
}

} // namespace

TEST_CASE("the highest throughput within the target is chosen, the target included, the first on ties") {
  const std::vector<scored_point> points{point("a", 1, 5, 100), point("a", 2, 10, 200), point("b", 2, 9, 200),
                                         point("b", 4, 10.01, 900)};
  CHECK(choose(points, 10) == 1u);
  CHECK(choose(points, 9.5) == 2u);
  CHECK(choose(points, 5) == 0u);
  CHECK(choose(points, 20) == 3u);
  CHECK_FALSE(choose({}, 20).has_value());
}

TEST_CASE("nothing within the target gives the lowest latency and the reference's message") {
  const std::vector<scored_point> points{point("a", 1, 50, 100), point("b", 1, 40, 10)};
  const auto prefill = select_engine(points, phase::prefill, 10);
  CHECK(prefill.engine == "b");
  CHECK_FALSE(prefill.meets_target);
  CHECK(prefill.message
        == "No engine configuration satisfies the TTFT requirement, please try a smaller model or more powerful hardware");
  CHECK(select_engine(points, phase::decode, 10).message
        == "No engine configuration satisfies the ITL requirement, please try a smaller model or more powerful hardware");
  CHECK(select_engine({}, phase::decode, 10).message == "No decode results produced; skipping recommendations.");
}

TEST_CASE("alternatives are the points that nothing beats, without the pick") {
  const std::vector<scored_point> points{point("a", 1, 5, 100), point("a", 2, 8, 90), point("a", 4, 10, 200),
                                         point("b", 8, 20, 400)};
  const auto pick = select_engine(points, phase::decode, 10);
  const auto others = alternatives_to(points, phase::decode, pick, 10);
  REQUIRE(others.size() == 2);
  CHECK(others[0].concurrency == 1);
  CHECK(others[1].concurrency == 8);
}

TEST_CASE("the conclusion names what binds and what could be had") {
  profile_result r;
  r.prefill = select_engine({point("p", 1, 60, 1)}, phase::prefill, 50);
  r.decode = select_engine({point("d", 1, 8, 1)}, phase::decode, 10);
  conclude(r, {3000, 500, 50, 10});
  CHECK_FALSE(r.feasible);
  CHECK(r.binding_constraint == "ttft");
  CHECK(r.achievable.ttft_ms == 60);
  CHECK(r.achievable.itl_ms == 10);
  r.decode = select_engine({point("d", 1, 18, 1)}, phase::decode, 10);
  conclude(r, {3000, 500, 50, 10});
  CHECK(r.binding_constraint == "ttft,itl");
  conclude(r, {3000, 500, 60, 18});
  r.prefill.meets_target = r.decode.meets_target = true;
  conclude(r, {3000, 500, 60, 18});
  CHECK(r.feasible);
  CHECK(r.binding_constraint.empty());
  r.decode = select_engine({}, phase::decode, 18);
  conclude(r, {3000, 500, 60, 18});
  CHECK(r.binding_constraint == "engines");
  CHECK(r.achievable.ttft_ms == 60);
  CHECK(r.achievable.itl_ms == 0); // nothing was measured that could
}

TEST_CASE("the pick is repeated from stored results as the search made it, and for another target") {
  auto request = testing::request_for(testing::sample::dense, search_policy::exhaustive);
  auto search = make_search(request);
  testing::fake_world world(request, {});
  const auto log = world.run(*search, 1);
  REQUIRE(log.finished);
  std::vector<point_measured> points;
  for (const auto& result : log.results)
    if (auto* p = std::get_if<point_measured>(&result))
      points.push_back(*p);
  const auto again = repick(request, log.result, points, request.sla);
  CHECK(again.prefill.engine == log.result.prefill.engine);
  CHECK(again.decode.engine == log.result.decode.engine);
  CHECK(again.decode.concurrency == log.result.decode.concurrency);
  CHECK(again.decode.kv_tokens == log.result.decode.kv_tokens);
  auto measured = log.result.alternatives; // stored results hold no model that expects anything of other loads
  std::erase_if(measured, [](const alternative& other) { return other.note.rfind("expected at ", 0) == 0; });
  CHECK(again.alternatives.size() == measured.size());
  CHECK(again.prefill_curve.size() == log.result.prefill_curve.size());

  auto other = request;
  other.sla.ttft_ms = 120;
  other.sla.itl_ms = 9;
  auto fresh = make_search(other);
  testing::fake_world same_world(other, {});
  const auto expected = same_world.run(*fresh, 2).result;
  const auto picked = repick(request, log.result, points, other.sla);
  CHECK(picked.prefill.engine == expected.prefill.engine);
  CHECK(picked.decode.engine == expected.decode.engine);
  CHECK(picked.decode.concurrency == expected.decode.concurrency);
  CHECK(picked.feasible == expected.feasible);
}

TEST_CASE("a target that only a point of the curve meets is not called infeasible") {
  const auto request = testing::request_for(testing::sample::dense);
  auto search = make_search(request);
  testing::fake_world world(request, {});
  const auto log = world.run(*search, 1);
  REQUIRE(log.finished);
  std::vector<point_measured> points;
  double sweep_ms = 1e9, curve_ms = 1e9; // lowest ITL of the sweep, and of the curve at the target's context
  for (const auto& result : log.results)
    if (auto* p = std::get_if<point_measured>(&result); p && p->engine.rfind("decode-", 0) != 0) {
      points.push_back(*p);
    } else if (p && p->engine == log.result.decode.engine) { // as if no other had been tried
      points.push_back(*p);
      if (p->plan.kind == point_kind::itl && p->plan.purpose == "sweep")
        sweep_ms = std::min(sweep_ms, p->value_ms);
      else if (p->plan.kind == point_kind::itl && std::abs(p->plan.isl + p->plan.osl / 2.0 - 3250) <= 1)
        curve_ms = std::min(curve_ms, p->value_ms);
    }
  REQUIRE(curve_ms < 0.95 * sweep_ms);
  auto target = request.sla;
  target.itl_ms = (curve_ms + sweep_ms) / 2;
  const auto picked = repick(request, log.result, points, target);
  CHECK(picked.feasible);
  CHECK(picked.decode.value_ms <= target.itl_ms);
  target.itl_ms = curve_ms / 2;
  CHECK_FALSE(repick(request, log.result, points, target).feasible);
}

TEST_CASE("a load between those of the grid is told where it would be worth far more than the pick, and is near the truth") {
  auto request = testing::request_for(testing::sample::dense);
  int told = 0;
  for (double itl_ms : {6.5, 8.0, 9.5, 12.0, 18.0, 30.0, 60.0}) {
    request.sla.itl_ms = itl_ms;
    INFO("target " << itl_ms << " ms");
    auto search = make_search(request);
    testing::fake_world world(request, {});
    const auto log = world.run(*search, 1);
    REQUIRE(log.finished);
    const auto& result = log.result;
    std::vector<alternative> between;
    for (const auto& other : result.alternatives)
      if (other.note.rfind("expected at ", 0) == 0)
        between.push_back(other);
    REQUIRE(between.size() <= 1);
    if (between.empty())
      continue;
    ++told;
    const auto& best = between.front();
    CHECK(result.decode.meets_target);
    CHECK(best.role == phase::decode);
    CHECK(best.value_ms <= itl_ms);
    CHECK(best.throughput_per_gpu > 1.1 * result.decode.throughput_per_gpu);
    CHECK(best.concurrency != result.decode.concurrency);
    // The engine as it was, once more at that load.
    std::vector<result_event> alive;
    for (const auto& event : log.results)
      if (const auto* ready = std::get_if<engine_ready>(&event); ready && ready->engine == "decode-" + best.layout.tag())
        alive.push_back(event);
    REQUIRE_FALSE(alive.empty());
    world.replay(alive);
    measure_point work;
    work.engine = "decode-" + best.layout.tag();
    work.plan.kind = point_kind::itl;
    work.plan.isl = request.sla.isl;
    work.plan.osl = request.sla.osl;
    work.plan.concurrency = best.concurrency;
    CHECK(world.latency_ms(work) == Approx(best.value_ms).epsilon(0.15));
  }
  CHECK(told >= 2);
}
