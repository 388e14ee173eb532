// distribution.cpp: Distributions of samples.
#include <algorithm>
#include <cmath>

#include "messages/point_value.hpp"

namespace sextant {

double percentile_of_sorted(std::span<const double> sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - static_cast<double>(below));
}

distribution describe_samples(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return describe_sorted(samples);
}

distribution describe_sorted(std::span<const double> samples) {
  distribution d;
  if (samples.empty())
    return d;
  const auto mean = interval_of_mean(samples);
  const auto n = static_cast<double>(samples.size());
  d.count = static_cast<int64_t>(samples.size());
  d.mean = mean.mean;
  d.min = samples.front();
  d.max = samples.back();
  d.std = mean.deviation * std::sqrt((n - 1) / n);
  const std::pair<double*, double> wanted[] = {{&d.p1, 0.01},  {&d.p5, 0.05},  {&d.p10, 0.10},
                                               {&d.p25, 0.25}, {&d.p50, 0.50}, {&d.p75, 0.75},
                                               {&d.p90, 0.90}, {&d.p95, 0.95}, {&d.p99, 0.99}};
  for (const auto& [target, q] : wanted)
    *target = percentile_of_sorted(samples, q);
  d.low = mean.low;
  d.high = mean.high;
  return d;
}

} // namespace sextant
