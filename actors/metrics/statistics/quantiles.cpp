// quantiles.cpp: Binomial tails over ranks.
#include "actors/metrics/statistics/quantiles.hpp"

#include <algorithm>
#include <cmath>

#include "messages/point_value.hpp"
#include "messages/special_functions.hpp"

namespace sextant::statistics {

namespace {

/// Largest real rank r in [0, n] with P(B <= r - 1) <= tail, B ~ Binomial(n, q) continued between integers.
double lower_rank(double n, double q, double tail) {
  if (binomial_at_most(0, n, q) > tail)
    return 0;
  double low = 1, high = n + 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (binomial_at_most(middle - 1, n, q) <= tail ? low : high) = middle;
  }
  return low;
}

/// Smallest real rank r with P(B >= r) <= tail; n + 1 if the largest sample does not bound the quantile.
double upper_rank(double n, double q, double tail) {
  return n + 1 - lower_rank(n, 1 - q, tail);
}

} // namespace

rank_interval order_statistic_ranks(size_t n, double q, double confidence) {
  const double tail = (1 - confidence) / 2;
  const auto count = static_cast<double>(n);
  // A hair above whole numbers, so that rounding of the bisection loses no rank.
  const double low = std::floor(lower_rank(count, q, tail) + 1e-9), high = std::ceil(upper_rank(count, q, tail) - 1e-9);
  return {static_cast<size_t>(low), static_cast<size_t>(high)};
}

size_t fewest_samples(double q, double confidence) {
  const double extreme = std::max(q, 1 - q);
  return static_cast<size_t>(std::ceil(std::log(1 - confidence) / std::log(extreme) - 1e-9));
}

double at_rank(std::span<const double> sorted, double rank) {
  const double position = std::clamp(rank - 1, 0.0, static_cast<double>(sorted.size() - 1));
  const auto below = static_cast<size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - static_cast<double>(below));
}

quantile_estimate estimate_quantile(std::span<const double> sorted, double q, double confidence, double effective,
                                    double degrees) {
  quantile_estimate out;
  out.q = q;
  out.low = -std::numeric_limits<double>::infinity();
  out.high = std::numeric_limits<double>::infinity();
  if (sorted.empty())
    return out;
  const auto n = static_cast<double>(sorted.size());
  // The estimate scatters to both sides: cut off at n, intervals of independent samples would cover too often.
  effective = std::clamp(effective, 1.0, 4 * n);
  out.value = percentile_of_sorted(sorted, q);
  out.enough = std::min(effective, n) >= static_cast<double>(fewest_samples(q, 0.95));
  double tail = (1 - confidence) / 2;
  if (std::isfinite(degrees))
    tail = 1 - normal_at_most(student_t_quantile(1 - tail, degrees));
  const double low = lower_rank(effective, q, tail), high = upper_rank(effective, q, tail);
  // No end beyond what n independent samples can bound.
  if (low > 0 && binomial_at_most(0, n, q) <= tail)
    out.low = at_rank(sorted, low / effective * n);
  if (high <= effective && binomial_at_most(0, n, 1 - q) <= tail)
    out.high = at_rank(sorted, high / effective * n);
  return out;
}

} // namespace sextant::statistics
