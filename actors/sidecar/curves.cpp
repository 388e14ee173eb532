#include "actors/sidecar/curves.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "actors/sidecar/counters.hpp"

namespace sextant::sidecar {

namespace {

constexpr double busiest = 0.8; ///< use of prefill above which the wait says more of the load than of the engine

/// Straight lines through points that ascend in x.
double along(const std::vector<std::pair<double, double>>& points, double x) {
  if (points.empty())
    return 0;
  const auto above = std::lower_bound(points.begin(), points.end(), std::pair{x, -HUGE_VAL});
  if (above == points.begin())
    return points.front().second;
  if (above == points.end())
    return points.back().second;
  const auto below = above - 1;
  const double part = (x - below->first) / (above->first - below->first);
  return below->second + part * (above->second - below->second);
}

double expected_ttft(serving_observed& window, const planner_curves& curves, int replicas) {
  const double service_ms = ttft_at(curves.prefill, window.isl * (1 - window.cached_share));
  const double use = window.request_rate * service_ms / 1000 / std::max(1, replicas);
  if (use > busiest) {
    window.remarks.emplace_back("prefill is used to " + std::to_string(std::lround(100 * use))
                                + " % by the curve: TTFT is mostly waiting, nothing is expected of it");
    return 0;
  }
  return service_ms * (1 + use / (2 * (1 - use)));
}

double expected_itl(serving_observed& window, const planner_curves& curves, int replicas) {
  const double context = window.isl + window.osl / 2;
  const double usage =
      decoding_at_once(window) / std::max(1, replicas) * context / static_cast<double>(curves.max_kv_tokens);
  if (usage > 1)
    window.remarks.emplace_back("more is decoding than the curves' KV capacity holds: their last usage is taken");
  return itl_at(curves.decode, usage, context);
}

} // namespace

double ttft_at(const std::vector<prefill_sample>& curve, double isl) {
  std::vector<std::pair<double, double>> points;
  for (const auto& s : curve)
    points.emplace_back(s.isl, s.ttft_ms);
  std::sort(points.begin(), points.end());
  return along(points, isl);
}

double itl_at(const std::vector<decode_sample>& grid, double kv_usage, double context) {
  std::map<double, std::vector<std::pair<double, double>>> columns;
  for (const auto& s : grid)
    columns[s.context_length].emplace_back(s.kv_usage, s.itl_ms);
  std::vector<std::pair<double, double>> across;
  for (auto& [length, column] : columns) {
    std::sort(column.begin(), column.end());
    across.emplace_back(length, along(column, kv_usage));
  }
  return along(across, context);
}

void expect(serving_observed& window, const planner_curves& curves, const replica_counts& replicas) {
  if (window.requests > 0 && window.isl > 0 && !curves.prefill.empty())
    window.expected_ttft_ms = expected_ttft(window, curves, replicas.prefill);
  if (window.tokens > 0 && window.isl > 0 && !curves.decode.empty() && curves.max_kv_tokens > 0)
    window.expected_itl_ms = expected_itl(window, curves, replicas.decode);
  else if (window.tokens > 0 && window.isl <= 0)
    window.remarks.emplace_back("no request began in this window: its context lengths are not known");
}

planner_curves corrected(planner_curves curves, double ttft_ratio, double itl_ratio) {
  for (auto& s : curves.prefill) {
    s.ttft_ms *= ttft_ratio;
    s.throughput_per_gpu /= ttft_ratio;
  }
  for (auto& s : curves.decode) {
    s.itl_ms *= itl_ratio;
    s.throughput_per_gpu /= itl_ratio;
  }
  return curves;
}

} // namespace sextant::sidecar
