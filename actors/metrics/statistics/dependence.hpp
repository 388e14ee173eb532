// dependence.hpp: How much dependent samples tell: autocorrelation, effective sample size, batch means. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "messages/point_value.hpp"

namespace sextant::statistics {

/// Correlation of samples with those `lag` places later; 0 for constant samples.
double autocorrelation(std::span<const double> ordered, size_t lag);

/// Integrated autocorrelation time 1 + 2 (rho_1 + rho_2 + ...), summed by Geyer's initial positive and monotone sequence
/// (Geyer 1992). Samples in order of their intended times. At least 1: negative correlation is not counted on. Long series
/// are batched first, which leaves the time scale as it is and makes the work linear.
double autocorrelation_time(std::span<const double> ordered);

/// n / autocorrelation_time.
double effective_count(std::span<const double> ordered);

/// Means of `count` consecutive batches of nearly equal size.
std::vector<double> batch_means(std::span<const double> ordered, size_t count);

/// Number of batches that leaves their means nearly independent, 5 to 30 (Schmeiser 1982): each spans at least `times`
/// times the autocorrelation time, as far as there are samples.
size_t batch_count(size_t n, double time, double times = 10);

/// Interval of the mean of dependent samples from batch means with Student's t. Fewer than ten samples: unknown. `time` is
/// the samples' autocorrelation time, `confidence` two-sided.
interval interval_of_dependent_mean(std::span<const double> ordered, double time, double confidence = 0.95);

/// What an interval of a quantile needs to know about the dependence of the samples around it.
struct indicator_dependence {
  double effective = 0; ///< independent samples with the same variance of the share below the quantile
  double degrees = 0;   ///< of freedom of that estimate
};

/// From the shares below `threshold` (an estimate of quantile q) in batches of the ordered samples, whose autocorrelation
/// time is `time`.
indicator_dependence dependence_of_indicator(std::span<const double> ordered, double threshold, double q, double time);

/// Interval of a ratio of sums over batches, by the delta method with Student's t: tokens / s, good requests / requests.
/// Each batch gives its numerator and denominator.
interval interval_of_ratio(std::span<const double> numerators, std::span<const double> denominators,
                           double confidence = 0.95);

} // namespace sextant::statistics
