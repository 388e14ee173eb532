// curves.cpp: What the measured curves say, and the choice between the two policies' points.
#include "actors/search/curves.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "actors/search/candidates.hpp"
#include "actors/search/refinement.hpp"

namespace sextant::searching {

namespace {

/// Points that planners need for a regression or a cubic interpolation.
constexpr size_t least_prefill_points = 5;

/// A point of the curve that was measured for the sweep already: same traffic, other name.
bool known_from_sweep(const candidate_track& candidate, const point_plan& plan) {
  return std::any_of(candidate.grid.begin(), candidate.grid.end(), [&](const point_plan& swept) {
    return spot_of(swept) == spot_of(plan) && candidate.measured(swept.point);
  });
}

bool settled(const candidate_track& candidate, const point_plan& plan) {
  return candidate.measured(plan.point) || candidate.given_up(plan.point) || known_from_sweep(candidate, plan);
}

/// Every measured point of a candidate, sweep and curve.
std::vector<const point_measured*> all_measured(const candidate_track& candidate) {
  std::vector<const point_measured*> result;
  for (const auto& [id, point] : candidate.points)
    if (point.result)
      result.push_back(&*point.result);
  return result;
}

} // namespace

std::vector<point_plan> reference_curve(const knowledge& known, const candidate_track& candidate) {
  const auto& request = known.request;
  const auto& report = candidate.report;
  std::vector<point_plan> result;
  if (report.role == phase::prefill) {
    const int longest = longest_prompt(known, candidate);
    for (int isl : prefill_lengths(longest_context(request), request.prefill_granularity))
      if (isl <= longest)
        result.push_back(prefill_plan(request, report.engine, report.layout, point_set::curve, isl));
    return result;
  }
  for (const auto& spot : decode_grid(longest_context(request), report.kv_tokens, report.layout.attention_data_parallel(),
                                      request.decode_granularity))
    result.push_back(decode_plan(request, report.engine, report.layout, point_set::curve, spot));
  return result;
}

std::optional<point_plan> next_curve_point(const knowledge& known, const candidate_track& candidate) {
  // A point whose attempt failed comes again before anything else is decided.
  for (const auto& [id, point] : candidate.points)
    if (point.plan.purpose == "curve" && !point.result && !point.failed)
      return point.plan;
  if (const auto left = curve_points_left(known, candidate); !left.empty())
    return left.front();
  return known.request.policy == search_policy::adaptive ? refining_point(known, candidate) : std::nullopt;
}

std::vector<point_plan> curve_points_left(const knowledge& known, const candidate_track& candidate) {
  auto plans = known.request.policy == search_policy::adaptive ? adaptive_points(known, candidate)
                                                               : reference_curve(known, candidate);
  std::erase_if(plans, [&](const point_plan& plan) { return settled(candidate, plan); });
  return plans;
}

int curve_points_expected(const knowledge& known, const candidate_track& candidate) {
  if (known.request.policy == search_policy::adaptive)
    return candidate.report.role == phase::prefill ? adaptive_prefill_points
                                                   : static_cast<int>(adaptive_decode_grid(known, candidate).size());
  return static_cast<int>(reference_curve(known, candidate).size());
}

std::vector<prefill_sample> prefill_curve(const candidate_track& candidate) {
  std::map<int, prefill_sample> samples;
  for (const auto* point : all_measured(candidate))
    samples[point->plan.isl] = {point->plan.isl, point->value_ms, point->throughput_per_gpu};
  std::vector<prefill_sample> result;
  result.reserve(samples.size());
  for (const auto& [isl, sample] : samples)
    result.push_back(sample);
  return result;
}

std::vector<decode_sample> decode_samples(const candidate_track& candidate) {
  std::map<std::pair<double, double>, decode_sample> samples;
  for (const auto* point : all_measured(candidate)) {
    const auto spot = spot_of(point->plan);
    const decode_sample sample{kv_usage(spot, candidate.report.kv_tokens), mean_context(spot), point->value_ms,
                               point->throughput_per_gpu};
    samples[{sample.context_length, sample.kv_usage}] = sample;
  }
  std::vector<decode_sample> result;
  result.reserve(samples.size());
  for (const auto& [place, sample] : samples)
    result.push_back(sample);
  return result;
}

std::vector<prefill_sample> rising_part(const std::vector<prefill_sample>& curve) {
  // Longest strictly rising subsequence; curves have a handful of points.
  std::vector<size_t> length(curve.size(), 1), before(curve.size());
  size_t last = 0;
  for (size_t i = 0; i < curve.size(); ++i) {
    before[i] = i;
    for (size_t j = 0; j < i; ++j)
      if (curve[j].ttft_ms < curve[i].ttft_ms && length[j] + 1 > length[i]) {
        length[i] = length[j] + 1;
        before[i] = j;
      }
    if (length[i] >= length[last])
      last = i;
  }
  std::vector<prefill_sample> result;
  if (curve.empty())
    return result;
  for (size_t i = last;; i = before[i]) {
    result.push_back(curve[i]);
    if (before[i] == i)
      break;
  }
  std::reverse(result.begin(), result.end());
  return result;
}

std::vector<std::string> curve_objections(const std::vector<prefill_sample>& prefill,
                                          const std::vector<decode_sample>& decode) {
  std::vector<std::string> result;
  if (prefill.size() < least_prefill_points)
    result.push_back("the prefill curve has " + std::to_string(prefill.size()) + " points, planners need "
                     + std::to_string(least_prefill_points));
  for (size_t i = 1; i < prefill.size(); ++i)
    if (prefill[i].ttft_ms <= prefill[i - 1].ttft_ms)
      result.push_back("TTFT does not rise from ISL " + std::to_string(prefill[i - 1].isl) + " to "
                       + std::to_string(prefill[i].isl));
  std::map<double, std::set<double>> usages;
  for (const auto& sample : decode)
    usages[sample.context_length].insert(sample.kv_usage);
  const auto full = std::count_if(usages.begin(), usages.end(), [](const auto& row) { return row.second.size() >= 2; });
  if (full < 2)
    result.push_back("the decode grid has " + std::to_string(full) + " contexts with two usages or more, planners need 2");
  return result;
}

} // namespace sextant::searching
