// plans.cpp: The traffic of every point.
#include "actors/search/plans.hpp"

#include "messages/subjects.hpp"

namespace sextant::searching {

namespace {

/// The interval's half width at which a point ends, share of the value.
constexpr double narrow_enough = 0.02;
/// The same for points of a curve, which no decision hangs on.
constexpr double curve_narrow_enough = 0.03;

uint64_t seed_of(const profile_request& request, const std::string& text) {
  return std::stoull(stable_hash(std::to_string(request.seed) + "/" + text), nullptr, 16) >> 1;
}

point_plan common_plan(const std::string& engine, const mapping& layout, point_set set, const decode_spot& spot) {
  point_plan plan;
  plan.point = point_id(engine, set, spot);
  plan.purpose = set == point_set::sweep ? "sweep" : "curve";
  plan.isl = spot.isl;
  plan.osl = spot.osl;
  plan.attention_dp = layout.attention_data_parallel();
  plan.gpus = layout.gpus;
  return plan;
}

} // namespace

std::string point_id(const std::string& engine, point_set set, const decode_spot& spot) {
  return engine + (set == point_set::sweep ? "/sweep/isl" : "/curve/isl") + std::to_string(spot.isl) + "_osl"
         + std::to_string(spot.osl) + "_n" + std::to_string(spot.in_flight);
}

point_plan prefill_plan(const profile_request& request, const std::string& engine, const mapping& layout, point_set set,
                        int isl) {
  const int ranks = layout.attention_data_parallel();
  const bool adaptive = request.policy == search_policy::adaptive;
  const bool burst = ranks > 1;
  auto plan = common_plan(engine, layout, set, {isl, prefill_osl, burst ? burst_depth * ranks : 1});
  plan.kind = point_kind::ttft;
  plan.concurrency = burst ? burst_depth * ranks : 1;
  plan.requests = plan.concurrency;
  plan.burst_ratio = burst ? burst_depth : 1;
  plan.warmup_requests = warmup_per_rank * ranks;
  plan.min_waves = 3;
  plan.max_waves = 8;
  if (adaptive && set == point_set::curve) {
    // A running engine needs no three warming rounds for every further point, and one burst averages over many requests.
    plan.warmup_requests = ranks;
    plan.min_waves = burst ? 1 : 2;
    plan.max_waves = burst ? 2 : 6;
  }
  plan.relative_half_width = set == point_set::sweep ? narrow_enough : curve_narrow_enough;
  plan.prompt_seed = seed_of(request, plan.point);
  return plan;
}

point_plan decode_plan(const profile_request& request, const std::string& engine, const mapping& layout, point_set set,
                       const decode_spot& spot) {
  const bool adaptive = request.policy == search_policy::adaptive;
  auto plan = common_plan(engine, layout, set, spot);
  plan.kind = point_kind::itl;
  plan.concurrency = spot.in_flight;
  plan.requests = spot.in_flight;
  plan.warm_prompts = true;
  plan.warm_osl = adaptive ? 1 : spot.osl;
  // The reference measures one wave; the adaptive policy adds waves where one leaves the interval wide.
  plan.max_waves = adaptive ? 3 : 1;
  if (adaptive)
    plan.relative_half_width = set == point_set::sweep ? narrow_enough : curve_narrow_enough;
  // One seed for the whole engine: prompts nest, so what is in the cache serves longer contexts and larger counts.
  plan.prompt_seed = seed_of(request, engine);
  return plan;
}

decode_spot spot_of(const point_plan& plan) {
  return {plan.isl, plan.osl, plan.concurrency};
}

} // namespace sextant::searching
