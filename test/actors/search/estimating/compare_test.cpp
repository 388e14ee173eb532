// compare_test.cpp: The search finds what trying everything finds, in far fewer questions; fronts, rates, refusals.
#include <map>

#include <catch2/catch.hpp>

#include "actors/search/estimating/choose.hpp"
#include "actors/search/estimating/front.hpp"
#include "fake_oracle.hpp"

namespace sextant::estimating {

namespace {

using sextant::testing::dense_request;
using sextant::testing::fake_oracle;

comparison compared(const profile_request& request, const fake_oracle& model) {
  return compare_deployments(request, goal_of(request), {&model});
}

/// The most tokens/s/GPU of aggregated engines within the target, from every load of every engine.
double best_aggregated(const profile_request& request, const fake_oracle& model) {
  const auto wanted = goal_of(request);
  double best = 0;
  for (int gpus : {1, 2, 4, 8})
    for (int load = 1; load <= most_batch && load * 5000 <= model.kv_tokens_of_one * gpus; ++load) {
      bool ok = false;
      const auto d = estimate_aggregated(wanted, model, {{mapping_method::tp, gpus}, 1, 0}, load, 32 / gpus, ok);
      if (ok && d.meets_target)
        best = std::max(best, d.tokens_per_s_per_gpu);
    }
  return best;
}

/// The same for prefill and decode engines, on whole numbers of both and of units.
double best_disaggregated(const profile_request& request, const fake_oracle& model) {
  const auto wanted = goal_of(request);
  double best = 0;
  for (int p : {1, 2, 4, 8})
    for (int d : {1, 2, 4, 8})
      for (int np = 1; np * p < 32; ++np)
        for (int nd = 1; np * p + nd * d <= 32; ++nd) {
          const int units = 32 / (np * p + nd * d);
          // The load rises in steps of a tenth: the peak is flat.
          for (double load = nd; load <= nd * 512.0; load = std::ceil(load * 1.1)) {
            bool ok = false;
            const auto e = estimate_disaggregated(wanted, model, {{mapping_method::tp, p}, np, 0},
                                                  {{mapping_method::tp, d}, nd, 0}, load, units, ok);
            if (ok && e.meets_target)
              best = std::max(best, e.tokens_per_s_per_gpu);
          }
        }
  return best;
}

double best_of(const comparison& c, serving_mode serving) {
  double best = 0;
  for (const auto& d : c.deployments)
    if (d.serving == serving && d.meets_target)
      best = std::max(best, d.tokens_per_s_per_gpu);
  return best;
}

} // namespace

TEST_CASE("the search finds nearly the best deployment of all") {
  for (const double itl : {12.0, 30.0, 45.0}) {
    auto request = dense_request();
    request.sla.itl_ms = itl;
    fake_oracle model;
    const auto c = compared(request, model);
    const int questions = model.asked;
    CAPTURE(itl, questions);
    CHECK(best_of(c, serving_mode::aggregated) >= 0.97 * best_aggregated(request, model));
    CHECK(best_of(c, serving_mode::disaggregated) >= 0.93 * best_disaggregated(request, model));
    CHECK(c.estimates == questions);
    CHECK(questions < 250);
  }
}

TEST_CASE("the answer does not depend on the number of threads") {
  const auto request = dense_request();
  fake_oracle model;
  const auto a = compared(request, model), b = compared(request, model);
  REQUIRE(a.deployments.size() == b.deployments.size());
  for (size_t i = 0; i < a.deployments.size(); ++i) {
    CHECK(a.deployments[i].label == b.deployments[i].label);
    CHECK(a.deployments[i].tpot_ms == b.deployments[i].tpot_ms);
  }
}

TEST_CASE("no deployment uses more GPUs than there are") {
  for (int gpus : {1, 2, 3, 5, 8, 20, 32}) {
    auto request = dense_request();
    request.pool_gpus = gpus;
    fake_oracle model;
    const auto c = compared(request, model);
    CHECK_FALSE(c.deployments.empty());
    for (const auto& d : c.deployments) {
      CHECK(d.gpus <= gpus);
      CHECK(d.units >= 1);
    }
  }
}

TEST_CASE("every engine is either part of a deployment or refused with its reason") {
  auto request = dense_request();
  request.model.heads = 12;
  request.model.kv_heads = 0;
  request.max_gpus_per_engine = 64;
  fake_oracle model;
  model.smallest = 2;
  const auto c = compared(request, model);
  std::map<std::string, std::string> refused;
  for (const auto& r : c.refused)
    refused[r.label] = r.reason;
  CHECK(refused.size() == 5);
  CHECK(refused["TP=1"] == "memory: too small");
  CHECK(refused["TP=8"] == "12 attention heads do not divide by 8");
  CHECK(refused["TP=16"] == "12 attention heads do not divide by 16");
  CHECK(refused["TP=64"] == "needs 64 GPUs, there are 32");
}

TEST_CASE("what nothing dominates is the front") {
  std::vector<deployment_estimate> all(5);
  const double points[][2] = {{10, 100}, {20, 90}, {30, 95}, {40, 10}, {40, 20}};
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].tokens_per_s_per_user = points[i][0];
    all[i].tokens_per_s_per_gpu = points[i][1];
  }
  mark_front(all);
  const auto front = front_of(all);
  REQUIRE(front.size() == 3);
  CHECK(front[0].tokens_per_s_per_gpu == 100);
  CHECK(front[1].tokens_per_s_per_gpu == 95);
  CHECK(front[2].tokens_per_s_per_gpu == 20);
}

TEST_CASE("prefill and decode engines are matched by their rates") {
  SECTION("two prefill engines of two prompts a second and three decode engines of one use five GPUs best") {
    const auto u = match_rates(2 / 0.9, 1, 1 / 0.92, 1, 5);
    CHECK(u.units == 1);
    CHECK(u.prefill == 2);
    CHECK(u.decode == 3);
    CHECK(u.requests_per_s == Approx(3));
  }
  SECTION("the unit is repeated as often as it fits") {
    const auto u = match_rates(1 / 0.9, 2, 1 / 0.92, 2, 32);
    CHECK(u.units * (2 * u.prefill + 2 * u.decode) == 32);
    CHECK(u.units * u.requests_per_s == Approx(8));
  }
  SECTION("no room for both") {
    CHECK(match_rates(1, 4, 1, 8, 8).units == 0);
    CHECK(match_rates(0, 1, 1, 1, 8).units == 0);
  }
}

TEST_CASE("splits that no engine can make are refused") {
  model_facts model;
  model.heads = 64;
  model.kv_heads = 4;
  model.intermediate = 18432;
  model.quantization_block = 128;
  CHECK(split_objection(model, {mapping_method::tp, 16}).empty()); // KV heads are copied
  CHECK(split_objection(model, {mapping_method::tp, 32})
        == "576 FFN columns of a shard do not divide by the quantisation block 128");
  model.kv_heads = 6;
  CHECK(split_objection(model, {mapping_method::tp, 4}) == "6 KV heads can neither be split nor copied over 4");
  model.kv_heads = 4;
  model.experts = 20;
  model.moe_intermediate = 1536;
  CHECK(split_objection(model, {mapping_method::tep, 8}) == "20 experts do not divide by 8");
  CHECK(split_objection(model, {mapping_method::dep, 4}).empty());
}

} // namespace sextant::estimating
