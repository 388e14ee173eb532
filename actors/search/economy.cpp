// economy.cpp: Costs and chances.
#include "actors/search/economy.hpp"

#include <algorithm>
#include <cmath>

#include "actors/search/curves.hpp"
#include "actors/search/estimates.hpp"

namespace sextant::searching {

namespace {

/// Chance that a latency turns out at most `limit_ms`.
double chance_within(const belief& latency, double limit_ms) {
  if (limit_ms <= latency.low || limit_ms <= 0)
    return 0;
  if (limit_ms >= latency.high)
    return 1;
  const double deviation = std::log(latency.high / latency.low) / 4;
  return 0.5 * std::erfc(-std::log(limit_ms / latency.expected) / deviation / std::sqrt(2.0));
}

/// Chance that a point takes the pick's place.
double chance_to_win(const candidate_track& candidate, const point_plan& plan, const selected_engine& pick, double target_ms,
                     const correction& shared) {
  const auto spot = spot_of(plan);
  const double limit =
      pick.meets_target ? std::min(target_ms, candidate.throughput_weight(spot) / pick.throughput_per_gpu) : pick.value_ms;
  return chance_within(believe(candidate, spot, shared), limit);
}

} // namespace

double expected_seconds(const candidate_track& candidate, const point_plan& plan, double cached_tokens) {
  const auto& layout = candidate.report.layout;
  const auto spot = spot_of(plan);
  const int ranks = std::max(layout.attention_data_parallel(), 1);
  const double ttft_s = predicted_ttft_ms(*candidate.model, layout, spot.isl) / 1000;
  if (candidate.report.role == phase::prefill)
    return ttft_s * (plan.min_waves * plan.requests + plan.warmup_requests) / ranks;
  const double itl_s = predicted_itl_ms(*candidate.model, layout, spot.in_flight, mean_context(spot)) / 1000;
  const double prompts = std::max(spot.in_flight - cached_tokens / spot.isl, 0.0);
  return ttft_s * prompts / ranks + itl_s * (spot.osl + plan.warm_osl);
}

double chance_to_stay(const knowledge& known, phase role) {
  const auto pick = known.pick(role);
  if (pick.engine.empty())
    return 0;
  const auto shared = phase_correction(known, role);
  double stays = 1;
  for (const auto& candidate : known.candidates) {
    const auto& report = candidate.report;
    if (report.role != role || !candidate.usable() || report.engine == pick.engine)
      continue;
    double wins = 0;
    for (const auto& plan :
         candidate.grid_known ? candidate.grid : sweep_points(known.request, report, report.predicted_kv_tokens))
      if (!candidate.measured(plan.point) && !candidate.given_up(plan.point))
        wins = std::max(wins, chance_to_win(candidate, plan, pick, known.target(role), shared));
    stays *= 1 - wins;
  }
  return stays;
}

double curve_gpu_seconds(const knowledge& known, const candidate_track& candidate) {
  double seconds = 0, cached = 0;
  for (const auto& plan : curve_points_left(known, candidate)) {
    seconds += expected_seconds(candidate, plan, cached);
    // Prompts nest: each point finds what the points before it computed, as far as the cache reaches.
    cached = std::min(std::max(cached, static_cast<double>(plan.isl) * plan.requests),
                      static_cast<double>(candidate.report.kv_tokens));
  }
  return seconds * candidate.report.layout.gpus;
}

bool curve_before_end(const knowledge& known, const candidate_track& candidate) {
  const auto role = candidate.report.role;
  if (known.pick(role).engine != candidate.report.engine)
    return false;
  const double stays = chance_to_stay(known, role);
  return stays * candidate.startup_s * candidate.report.layout.gpus > (1 - stays) * curve_gpu_seconds(known, candidate);
}

} // namespace sextant::searching
