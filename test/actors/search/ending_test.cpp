// ending_test.cpp: How searches end: infeasible targets, memory, budgets, cancellation, small pools, dry runs.
#include <catch2/catch.hpp>

#include "actors/search/curves.hpp"
#include "actors/search/planner_view.hpp"
#include "actors/search/refinement.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::testing;

TEST_CASE("curves serve every planner release") {
  const auto which = GENERATE(sample::dense, sample::moe, sample::mla);
  const auto policy = GENERATE(search_policy::adaptive, search_policy::exhaustive);
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto request = request_for(which, policy);
    world_settings settings;
    settings.seed = seed;
    auto search = make_search(request);
    const auto log = fake_world(request, settings).run(*search, seed);
    INFO("seed " << seed);
    CHECK(log.finished);
    CHECK(searching::curve_objections(log.result.prefill_curve, log.result.decode_grid).empty());
    CHECK(log.result.max_kv_tokens > 0);
    for (const auto& sample : log.result.decode_grid) {
      CHECK(sample.kv_usage > 0);
      CHECK(sample.kv_usage <= 1);
    }
    if (policy == search_policy::adaptive) {
      CHECK(log.result.prefill_curve.size() <= searching::most_prefill_points);
      // Between its points the cubic of old planners stays near the straight connection, whatever a mapping's deviation.
      std::vector<double> isl, ttft;
      for (const auto& s : log.result.prefill_curve) {
        isl.push_back(s.isl);
        ttft.push_back(s.ttft_ms);
      }
      const searching::cubic_curve cubic{isl, ttft};
      for (size_t i = 1; i < isl.size(); ++i)
        for (double share : {0.25, 0.5, 0.75}) {
          INFO("ISL " << isl[i - 1] << " to " << isl[i]);
          CHECK(cubic(isl[i - 1] + share * (isl[i] - isl[i - 1]))
                == Approx(ttft[i - 1] + share * (ttft[i] - ttft[i - 1])).epsilon(0.15));
        }
      CHECK(std::any_of(log.result.prefill_curve.begin(), log.result.prefill_curve.end(),
                        [](const prefill_sample& s) { return s.isl == 3000; }));
    }
  }
}

TEST_CASE("how far a search is can be told after every result, its curves included from the start") {
  const auto request =
      request_for(GENERATE(sample::dense, sample::mla), GENERATE(search_policy::adaptive, search_policy::exhaustive));
  world_settings settings;
  auto search = make_search(request);
  const auto log = fake_world(request, settings).run(*search, 3);
  auto again = make_search(request);
  int before = 0;
  bool planned_ahead = true;
  for (const auto& event : log.results) {
    again->apply(event);
    const auto totals = again->totals();
    CHECK(totals.points_done >= before);
    CHECK(totals.points_planned >= totals.points_done);
    CHECK(totals.gpu_seconds == again->result().gpu_seconds);
    CHECK(totals.points_done == again->result().points_measured);
    before = totals.points_done;
    // Nowhere before the last fifth is the end in sight already.
    if (totals.points_done < log.result.points_measured * 4 / 5)
      planned_ahead = planned_ahead && totals.points_planned > totals.points_done;
  }
  CHECK(planned_ahead);
  CHECK(again->totals().points_planned == again->totals().points_done);
  CHECK(again->totals().remaining_s == 0);
  CHECK(again->gpus_of(log.result.decode.engine) == log.result.decode.layout.gpus);
  CHECK(again->gpus_of("nobody") == 0);
}

TEST_CASE("three engines run side by side where candidates exist") {
  const auto which = GENERATE(sample::dense, sample::moe, sample::mla);
  const auto request = request_for(which);
  auto search = make_search(request);
  CHECK(search->wanted().deploy.size() >= 3);
  CHECK(fake_world(request, {}).run(*search, 1).most_engines >= 3);
}

TEST_CASE("a large engine that waits for room does not keep small ones from running") {
  auto request = request_for(sample::dense);
  request.pool_gpus = 8;
  auto search = make_search(request);
  CHECK(search->wanted().deploy.size() >= 3);
  for (uint64_t order = 1; order <= 10; ++order) {
    auto again = make_search(request);
    const auto log = fake_world(request, {}).run(*again, order);
    CHECK(log.finished);
    CHECK(log.most_gpus <= 8);
    CHECK(log.most_engines >= 3);
  }
}

TEST_CASE("a target out of reach is answered with the fastest engines and what they could do") {
  const auto which = GENERATE(sample::dense, sample::moe, sample::mla);
  auto request = request_for(which);
  request.sla.ttft_ms = 1;
  request.sla.itl_ms = 0.5;
  auto search = make_search(request);
  const auto log = fake_world(request, {}).run(*search, 1);
  const auto& r = log.result;
  CHECK(log.finished);
  CHECK_FALSE(r.feasible);
  CHECK(r.binding_constraint == "ttft,itl");
  CHECK(r.achievable.ttft_ms == r.prefill.value_ms);
  CHECK(r.achievable.itl_ms == r.decode.value_ms);
  CHECK_FALSE(r.prefill.message.empty());
  CHECK_FALSE(r.alternatives.empty());
  CHECK(r.prefill_curve.size() >= 5);
}

TEST_CASE("a model that fits nowhere is answered at once") {
  auto request = request_for(sample::mla);
  request.gpu.memory_bytes = 20e9;
  auto search = make_search(request);
  CHECK(search->wanted().deploy.empty());
  CHECK(search->wanted().write);
  const auto r = search->result();
  CHECK_FALSE(r.feasible);
  CHECK(r.binding_constraint == "memory");
  search->apply(artifacts_written{"out", {}});
  CHECK(search->wanted().finished);
  CHECK_FALSE(search->wanted().write);
}

TEST_CASE("no power of two in the range is answered at once") {
  auto request = request_for(sample::dense);
  request.min_gpus_per_engine = 5;
  request.max_gpus_per_engine = 7;
  auto search = make_search(request);
  CHECK(search->wanted().write);
  CHECK_FALSE(search->result().feasible);
  CHECK(search->result().remarks.size() == 1);
}

TEST_CASE("a spent budget ends the search with what is known") {
  auto request = request_for(sample::dense, search_policy::exhaustive);
  request.max_gpu_hours = 1.0;
  auto search = make_search(request);
  const auto log = fake_world(request, {}).run(*search, 1);
  CHECK(log.finished);
  CHECK(log.result.gpu_seconds >= 3600);
  CHECK(log.result.gpu_seconds < 3600 * 2);
  CHECK(log.result.remarks.size() >= 1);
  CHECK(search->wanted().measure.empty());
}

TEST_CASE("a cancelled search asks for its engines to be released and for nothing else") {
  const auto request = request_for(sample::moe);
  for (int steps = 0; steps < 40; steps += 3) {
    auto search = make_search(request);
    fake_world world(request, {});
    world.run(*search, 1, steps);
    search->apply(cancel_request{"enough"});
    CHECK(search->wanted().deploy.empty());
    CHECK(search->wanted().measure.empty());
    CHECK_FALSE(search->wanted().write);
    const auto log = world.run(*search, 2);
    CHECK(log.finished);
    for (const auto& result : log.results)
      CHECK(std::holds_alternative<engine_released>(result));
    CHECK(search->wanted().release.empty());
  }
}

TEST_CASE("a failed profile is over at once") {
  auto search = make_search(request_for(sample::dense));
  search->apply(profile_failed{{failure_class::permanent, failure_cause::internal, "given up", {}}});
  CHECK(search->wanted().finished);
  CHECK(search->wanted().deploy.empty());
}

TEST_CASE("pools as small as one engine come to the answer of large ones") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    auto request = request_for(sample::dense);
    request.sla.ttft_ms = 150;
    world_settings settings;
    settings.seed = seed;
    request.pool_gpus = 64;
    auto roomy = make_search(request);
    const auto expected = fake_world(request, settings).run(*roomy, seed).result;
    for (auto policy : {search_policy::adaptive, search_policy::exhaustive}) {
      request.policy = policy;
      request.pool_gpus = 8;
      auto tight = make_search(request);
      const auto log = fake_world(request, settings).run(*tight, seed);
      INFO("seed " << seed);
      CHECK(log.finished);
      CHECK(log.most_gpus <= 8);
      CHECK(log.result.prefill.engine == expected.prefill.engine);
      CHECK(log.result.decode.engine == expected.decode.engine);
      CHECK(log.result.decode.concurrency == expected.decode.concurrency);
    }
  }
}

TEST_CASE("a pool of one GPU runs one engine after the other") {
  auto request = request_for(sample::dense);
  request.pool_gpus = 1;
  auto search = make_search(request);
  const auto log = fake_world(request, {}).run(*search, 1);
  CHECK(log.finished);
  CHECK(log.most_gpus == 1);
  CHECK(log.result.prefill.engine == "prefill-TP1");
  CHECK(log.result.prefill_curve.size() >= 5);
}

TEST_CASE("a dry run plans and wants nothing") {
  auto request = request_for(sample::moe);
  request.dry_run = true;
  auto search = make_search(request);
  const auto work = search->wanted();
  CHECK(work.finished);
  CHECK((work.deploy.empty() && work.measure.empty() && !work.write));
  const auto r = search->result();
  CHECK(r.candidates.size() == 24);
  CHECK(r.points_planned > 0);
  CHECK(r.gpu_seconds > 0);
}

TEST_CASE("stages come in the order that the status knows") {
  const std::vector<std::string> order{
      "Initializing", "SweepingPrefill", "SweepingDecode", "SelectingConfig", "BuildingCurves", "GeneratingDGD", "Done"};
  auto search = make_search(request_for(sample::dense));
  CHECK(search->stage() == "Initializing");
  const auto log = fake_world(request_for(sample::dense), {}).run(*search, 1);
  CHECK(search->stage() == "Done");
  CHECK(search->wanted().finished);
  CHECK(search->wanted().deploy.empty());
  for (const auto& line : log.news)
    CHECK(std::find(order.begin(), order.end(), line.stage) != order.end());
}
