// quantiles.hpp: Quantiles and their distribution-free intervals from order statistics. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// Ranks (1-based, into ascending samples) of the two-sided interval: the largest lower and the smallest upper rank whose
/// tails are each at most (1 - confidence) / 2. 0, or n + 1, where no sample bounds that end.
struct rank_interval {
  size_t low = 0;
  size_t high = 0;
};

/// Exact ranks for n independent samples: the number below the true quantile is Binomial(n, q).
rank_interval order_statistic_ranks(size_t n, double q, double confidence);

/// Fewest independent samples whose extreme one bounds the quantile one-sidedly: 299 for p99 at 95 %.
size_t fewest_samples(double q, double confidence);

/// The value at fractional rank r (1-based) of ascending samples, interpolated between neighbours; ends are clamped.
double at_rank(std::span<const double> sorted, double rank);

/// Estimate with interval. Ends lie between order statistics where the binomial tail does (the tail is continued by the
/// incomplete beta function: Beran & Hall 1993 interpolate for the same reason), so that the interval has its stated
/// coverage instead of the next larger one.
///
/// `effective` is the number of independent samples that tell as much as these n do about the indicator of the quantile;
/// `degrees` are the degrees of freedom of that number's estimate (infinite: known), which widen the interval like
/// Student's t does.
quantile_estimate estimate_quantile(std::span<const double> sorted, double q, double confidence, double effective,
                                    double degrees);

} // namespace sextant::statistics
