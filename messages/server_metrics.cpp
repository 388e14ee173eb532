// server_metrics.cpp: Quantiles of histograms.
#include "messages/server_metrics.hpp"

#include <cmath>

namespace sextant {

std::optional<double> histogram_change::quantile(double q) const {
  if (buckets.empty() || !(buckets.back().second > 0))
    return std::nullopt;
  const double rank = q * buckets.back().second;
  double low = 0, below = 0;
  for (const auto& [bound, up_to] : buckets) {
    if (up_to >= rank) {
      // In the infinite bucket only its lower end is known.
      if (std::isinf(bound) || up_to <= below)
        return low;
      return low + (bound - low) * (rank - below) / (up_to - below);
    }
    low = bound;
    below = up_to;
  }
  return low;
}

} // namespace sextant
