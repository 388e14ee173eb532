// survival.hpp: Quantiles of latencies of which some are only known to be longer than something. Pure.
#pragma once

#include <span>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// A time, or a lower bound of one.
struct lifetime {
  double value = 0;
  bool censored = false; ///< it would have been longer
};

/// Kaplan and Meier's estimate of a quantile with its interval by Brookmeyer and Crowley: the times at which the log-log
/// interval of the survival function (Greenwood's variance) holds 1 - q. Infinite where the estimate does not come down to
/// 1 - q. Reads a list sorted by value, uncensored first among equals.
std::vector<quantile_estimate> survival_quantiles(std::span<const lifetime> sorted, std::span<const double> quantiles,
                                                  double confidence);

/// TTFT and latency of requests that were answered, cancelled, timed out or stalled, from their sends. Other failures say
/// nothing about how long an answer takes and are left out. Only metrics with a censored request.
std::vector<survival_estimate> estimate_survival(const load_records& records, metric_profile profile, double confidence);

} // namespace sextant::statistics
