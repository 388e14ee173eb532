// adaptive.cpp: Branch and bound over the same grid as the exhaustive sweep. A point is measured only while its bounds leave
// open that it becomes the pick; so both policies end with the same recommendation.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "actors/search/estimates.hpp"
#include "actors/search/policy.hpp"

namespace sextant::searching {

namespace {

/// Capacities that an engine may report, relative to the memory model's.
constexpr double capacity_scales[] = {1.0, 0.9, 0.95, 1.05, 1.1};

/// A sweep point that was not measured, with what is believed of it.
struct open_point {
  size_t candidate = 0;
  std::optional<point_plan> plan; ///< nothing while the grid is a guess
  belief latency;
  double throughput_bound = 0;
  double expected_throughput = 0;
};

open_point assess(const knowledge& known, size_t index, const point_plan& plan, const correction& shared) {
  const auto& candidate = known.candidates[index];
  const auto spot = spot_of(plan);
  open_point point;
  point.candidate = index;
  point.latency = believe(candidate, spot, shared);
  point.throughput_bound = throughput_bound(candidate, spot, point.latency.low);
  point.expected_throughput = candidate.throughput_weight(spot) / point.latency.expected;
  return point;
}

std::vector<open_point> unmeasured(const knowledge& known, phase role) {
  const auto shared = phase_correction(known, role);
  std::vector<open_point> result;
  for (size_t i = 0; i < known.candidates.size(); ++i) {
    const auto& candidate = known.candidates[i];
    if (candidate.report.role != role || !candidate.usable())
      continue;
    if (candidate.grid_known) {
      for (const auto& plan : candidate.grid) {
        if (candidate.measured(plan.point) || candidate.given_up(plan.point))
          continue;
        result.push_back(assess(known, i, plan, shared));
        result.back().plan = plan;
      }
      continue;
    }
    for (double scale : capacity_scales) {
      const auto capacity = static_cast<int64_t>(static_cast<double>(candidate.report.predicted_kv_tokens) * scale);
      for (const auto& plan : sweep_points(known.request, candidate.report, capacity))
        result.push_back(assess(known, i, plan, shared));
    }
  }
  return result;
}

/// What the phase looks for now.
struct goal {
  double target_ms = 0;
  double throughput = 0; ///< of the best point within the target; 0 while there is none
  double latency_ms = std::numeric_limits<double>::infinity(); ///< lowest that was measured
  bool within_reach = true;                                    ///< a point within the target is known or not ruled out
};

bool may_win(const open_point& point, const goal& g) {
  if (!g.within_reach)
    return point.latency.low < g.latency_ms;
  return point.latency.low <= g.target_ms && point.throughput_bound > g.throughput;
}

goal current_goal(const knowledge& known, phase role, const std::vector<open_point>& points) {
  goal g;
  g.target_ms = known.target(role);
  for (const auto& point : known.scored(role, false)) {
    g.latency_ms = std::min(g.latency_ms, point.value_ms);
    if (point.value_ms <= g.target_ms)
      g.throughput = std::max(g.throughput, point.throughput_per_gpu);
  }
  g.within_reach = g.throughput > 0 || std::any_of(points.begin(), points.end(), [&](const open_point& point) {
                     return point.latency.low <= g.target_ms;
                   });
  return g;
}

/// The goal if a point turns out as expected.
goal goal_after(const open_point& point, goal g) {
  g.latency_ms = std::min(g.latency_ms, point.latency.expected);
  if (point.latency.expected <= g.target_ms)
    g.throughput = std::max(g.throughput, point.expected_throughput);
  return g;
}

/// Whether `a` is the better next measurement: points expected within the target by throughput, then the nearest to it.
bool more_promising(const open_point& a, const open_point& b, const goal& g) {
  const bool a_within = g.within_reach && a.latency.expected <= g.target_ms;
  const bool b_within = g.within_reach && b.latency.expected <= g.target_ms;
  if (a_within != b_within)
    return a_within;
  return a_within ? a.expected_throughput > b.expected_throughput : a.latency.expected < b.latency.expected;
}

} // namespace

std::vector<need> adaptive_needs(const knowledge& known, phase role) {
  auto points = unmeasured(known, role);
  const auto g = current_goal(known, role, points);
  std::erase_if(points, [&](const open_point& point) { return !may_win(point, g); });
  std::stable_sort(points.begin(), points.end(),
                   [&](const open_point& a, const open_point& b) { return more_promising(a, b, g); });
  std::vector<need> result;
  const auto afterwards = points.empty() ? g : goal_after(points.front(), g);
  for (auto& point : points) {
    auto same = std::find_if(result.begin(), result.end(), [&](const need& n) { return n.candidate == point.candidate; });
    if (same == result.end())
      same = result.insert(result.end(), {point.candidate, std::move(point.plan), 1, false});
    same->likely = same->likely || may_win(point, afterwards);
  }
  return result;
}

std::string why_pruned(const knowledge& known, const candidate_track& candidate) {
  const auto role = candidate.report.role;
  const auto pick = known.pick(role);
  if (!candidate.usable() || pick.engine.empty() || pick.engine == candidate.report.engine)
    return {};
  const auto shared = phase_correction(known, role);
  auto grid = candidate.grid;
  if (!candidate.grid_known)
    grid = sweep_points(known.request, candidate.report, candidate.report.predicted_kv_tokens);
  double latency = std::numeric_limits<double>::infinity(), throughput = 0;
  for (const auto& plan : grid) {
    const auto spot = spot_of(plan);
    const auto b = believe(candidate, spot, shared);
    latency = std::min(latency, b.low);
    if (b.low <= known.target(role))
      throughput = std::max(throughput, throughput_bound(candidate, spot, b.low));
  }
  const char* name = role == phase::prefill ? "TTFT" : "ITL";
  char text[160];
  if (!pick.meets_target)
    std::snprintf(text, sizeof text, "%s at least %.2f ms, %s measured %.2f ms", name, latency, pick.engine.c_str(),
                  pick.value_ms);
  else if (throughput == 0)
    std::snprintf(text, sizeof text, "%s at least %.2f ms, above the target of %.2f ms", name, latency, known.target(role));
  else
    std::snprintf(text, sizeof text, "at most %.1f tokens/s/GPU within the target, %s measured %.1f", throughput,
                  pick.engine.c_str(), pick.throughput_per_gpu);
  return text;
}

} // namespace sextant::searching
