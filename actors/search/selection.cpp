// selection.cpp: The recommendation rule.
#include "actors/search/selection.hpp"

#include <algorithm>
#include <cmath>

namespace sextant::searching {

namespace {

/// Alternatives that are worth a reader's time.
constexpr size_t most_alternatives = 5;

std::string missed_message(phase role) {
  return std::string{"No engine configuration satisfies the "} + (role == phase::prefill ? "TTFT" : "ITL")
         + " requirement, please try a smaller model or more powerful hardware";
}

} // namespace

scored_point score(const point_measured& point, const mapping& layout, int64_t kv_tokens) {
  return {point.engine,
          layout,
          point.plan.concurrency,
          point.value_ms,
          point.value_low_ms,
          point.value_high_ms,
          point.throughput_per_gpu,
          kv_tokens};
}

std::optional<size_t> choose(const std::vector<scored_point>& points, double target_ms) {
  std::optional<size_t> within, fastest;
  for (size_t i = 0; i < points.size(); ++i) {
    if (!fastest || points[i].value_ms < points[*fastest].value_ms)
      fastest = i;
    if (points[i].value_ms <= target_ms && (!within || points[i].throughput_per_gpu > points[*within].throughput_per_gpu))
      within = i;
  }
  return within ? within : fastest;
}

selected_engine select_engine(const std::vector<scored_point>& points, phase role, double target_ms) {
  selected_engine pick;
  const auto index = choose(points, target_ms);
  if (!index) {
    pick.message = "No " + std::string{to_text(role)} + " results produced; skipping recommendations.";
    return pick;
  }
  const auto& point = points[*index];
  pick.engine = point.engine;
  pick.layout = point.layout;
  pick.meets_target = point.value_ms <= target_ms;
  pick.value_ms = point.value_ms;
  pick.value_low_ms = point.low_ms;
  pick.value_high_ms = point.high_ms;
  pick.throughput_per_gpu = point.throughput_per_gpu;
  pick.concurrency = point.concurrency;
  pick.kv_tokens = point.kv_tokens;
  if (!pick.meets_target)
    pick.message = missed_message(role);
  return pick;
}

std::vector<alternative> alternatives_to(const std::vector<scored_point>& points, phase role, const selected_engine& pick,
                                         double target_ms) {
  auto sorted = points;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const scored_point& a, const scored_point& b) { return a.value_ms < b.value_ms; });
  std::vector<alternative> result;
  double best = 0;
  for (const auto& point : sorted) {
    if (point.throughput_per_gpu <= best)
      continue;
    best = point.throughput_per_gpu;
    if (point.engine == pick.engine && point.concurrency == pick.concurrency)
      continue;
    const char* note =
        point.value_ms <= target_ms ? "meets the target with less throughput" : "more throughput than its latency allows";
    if (!pick.meets_target)
      note = "more throughput for a higher latency";
    result.push_back({role, point.layout, point.concurrency, point.value_ms, point.throughput_per_gpu, note});
  }
  // The nearest to the pick's latency are the most useful ones.
  std::stable_sort(result.begin(), result.end(), [&](const alternative& a, const alternative& b) {
    return std::abs(a.value_ms - pick.value_ms) < std::abs(b.value_ms - pick.value_ms);
  });
  if (result.size() > most_alternatives)
    result.resize(most_alternatives);
  std::stable_sort(result.begin(), result.end(),
                   [](const alternative& a, const alternative& b) { return a.value_ms < b.value_ms; });
  return result;
}

void conclude(profile_result& result, const service_level& target) {
  const auto& prefill = result.prefill;
  const auto& decode = result.decode;
  result.feasible = prefill.meets_target && decode.meets_target;
  result.achievable = target;
  result.achievable.ttft_ms = prefill.engine.empty() ? 0 : std::max(target.ttft_ms, prefill.value_ms);
  result.achievable.itl_ms = decode.engine.empty() ? 0 : std::max(target.itl_ms, decode.value_ms);
  result.binding_constraint.clear();
  if (result.feasible)
    return;
  if (prefill.engine.empty() || decode.engine.empty()) {
    result.binding_constraint = "engines";
    return;
  }
  if (!prefill.meets_target)
    result.binding_constraint = "ttft";
  if (!decode.meets_target)
    result.binding_constraint += result.binding_constraint.empty() ? "itl" : ",itl";
}

void select_by_rule(profile_result& result, const std::vector<scored_point>& prefill,
                    const std::vector<scored_point>& decode, const service_level& target) {
  result.prefill = select_engine(prefill, phase::prefill, target.ttft_ms);
  result.decode = select_engine(decode, phase::decode, target.itl_ms);
  result.alternatives = alternatives_to(prefill, phase::prefill, result.prefill, target.ttft_ms);
  for (auto& other : alternatives_to(decode, phase::decode, result.decode, target.itl_ms))
    result.alternatives.push_back(std::move(other));
  conclude(result, target);
}

} // namespace sextant::searching
