// dependence.cpp: Autocorrelation, batches, ratios.
#include "actors/metrics/statistics/dependence.hpp"

#include <algorithm>
#include <cmath>

#include "messages/special_functions.hpp"

namespace sextant::statistics {

namespace {

/// Longer series are batched to about this many means before lags are summed.
constexpr size_t longest_series = 20'000;
constexpr size_t fewest_batches = 5;
constexpr size_t most_batches = 30;
/// Length of a batch in autocorrelation times: the bias of its variance is about 1 / (2 * this).
constexpr double times_per_batch = 10;
/// The same where high quantiles are asked for: few samples lie beyond them, and they come in clusters.
constexpr double times_per_indicator_batch = 20;

struct moments {
  double mean = 0;
  double variance = 0; ///< population
};

moments moments_of(std::span<const double> x) {
  moments m;
  const auto n = static_cast<double>(x.size());
  for (const double v : x)
    m.mean += v;
  m.mean /= std::max(1.0, n);
  for (const double v : x)
    m.variance += (v - m.mean) * (v - m.mean);
  m.variance /= std::max(1.0, n);
  return m;
}

double covariance(std::span<const double> x, double mean, size_t lag) {
  double sum = 0;
  for (size_t i = 0; i + lag < x.size(); ++i)
    sum += (x[i] - mean) * (x[i + lag] - mean);
  return sum / static_cast<double>(x.size());
}

double geyer_time(std::span<const double> x) {
  const auto m = moments_of(x);
  if (m.variance <= 0 || x.size() < 4)
    return 1;
  double sum = 0, pair_before = std::numeric_limits<double>::infinity();
  for (size_t lag = 0; lag + 1 < x.size() / 2; lag += 2) {
    const double pair = (covariance(x, m.mean, lag) + covariance(x, m.mean, lag + 1)) / m.variance;
    if (pair <= 0)
      break;
    pair_before = std::min(pair_before, pair);
    sum += pair_before;
  }
  return std::max(1.0, 2 * sum - 1);
}

double t_factor(double confidence, size_t batches) {
  return student_t_quantile((1 + confidence) / 2, static_cast<double>(batches - 1));
}

} // namespace

double autocorrelation(std::span<const double> ordered, size_t lag) {
  const auto m = moments_of(ordered);
  return m.variance > 0 ? covariance(ordered, m.mean, lag) / m.variance : 0;
}

double autocorrelation_time(std::span<const double> ordered) {
  if (ordered.size() <= longest_series)
    return geyer_time(ordered);
  const auto means = batch_means(ordered, longest_series / 2);
  const double all = moments_of(ordered).variance;
  if (all <= 0)
    return 1;
  const double length = static_cast<double>(ordered.size()) / static_cast<double>(means.size());
  return std::max(1.0, length * moments_of(means).variance / all * geyer_time(means));
}

double effective_count(std::span<const double> ordered) {
  return static_cast<double>(ordered.size()) / autocorrelation_time(ordered);
}

std::vector<double> batch_means(std::span<const double> ordered, size_t count) {
  count = std::min(count, ordered.size());
  std::vector<double> means(count);
  for (size_t b = 0; b < count; ++b) {
    const size_t begin = ordered.size() * b / count, end = ordered.size() * (b + 1) / count;
    for (size_t i = begin; i < end; ++i)
      means[b] += ordered[i];
    means[b] /= static_cast<double>(end - begin);
  }
  return means;
}

size_t batch_count(size_t n, double time, double times) {
  const auto wanted = static_cast<size_t>(static_cast<double>(n) / (times * std::max(1.0, time)));
  return std::min(n, std::clamp(wanted, fewest_batches, most_batches));
}

interval interval_of_dependent_mean(std::span<const double> ordered, double time, double confidence) {
  interval out;
  out.count = ordered.size();
  const auto m = moments_of(ordered);
  out.mean = out.low = out.high = m.mean;
  if (ordered.size() < 2 * fewest_batches)
    return out;
  const auto n = static_cast<double>(ordered.size());
  out.deviation = std::sqrt(m.variance * n / (n - 1));
  const auto means = batch_means(ordered, batch_count(ordered.size(), time, times_per_batch));
  const auto over_batches = interval_of_mean(means);
  const double half =
      t_factor(confidence, means.size()) * over_batches.deviation / std::sqrt(static_cast<double>(means.size()));
  out.low = out.mean - half;
  out.high = out.mean + half;
  out.known = true;
  return out;
}

indicator_dependence dependence_of_indicator(std::span<const double> ordered, double threshold, double q, double time) {
  const size_t n = ordered.size();
  if (n < 2 * fewest_batches)
    return {static_cast<double>(n), std::numeric_limits<double>::infinity()};
  const size_t batches = batch_count(n, time, times_per_indicator_batch);
  double squares = 0;
  for (size_t i = 0; i < batches; ++i) {
    const auto batch = ordered.subspan(n * i / batches, n * (i + 1) / batches - n * i / batches);
    size_t below = 0;
    for (const double x : batch)
      below += x <= threshold;
    const double off = static_cast<double>(below) / static_cast<double>(batch.size()) - q;
    squares += off * off;
  }
  const auto b = static_cast<double>(batches), count = static_cast<double>(n);
  // Neighbouring batches are correlated at their ends, which takes (T - 1 / T) / 2 samples' worth from the variance of their
  // means if the correlation falls like that of an AR(1) series of autocorrelation time T.
  const double lost = std::min(0.5, (time - 1 / time) / 2 / (count / b));
  const double time_of_indicator = squares / (b - 1) * (count / b) / (q * (1 - q)) / (1 - lost);
  return {count / std::max(time_of_indicator, 1e-9), b - 1};
}

interval interval_of_ratio(std::span<const double> numerators, std::span<const double> denominators, double confidence) {
  interval out;
  out.count = numerators.size();
  double top = 0, bottom = 0;
  for (size_t i = 0; i < numerators.size(); ++i) {
    top += numerators[i];
    bottom += denominators[i];
  }
  out.mean = out.low = out.high = bottom > 0 ? top / bottom : 0;
  if (numerators.size() < fewest_batches || bottom <= 0)
    return out;
  const auto b = static_cast<double>(numerators.size());
  double squares = 0;
  for (size_t i = 0; i < numerators.size(); ++i) {
    const double rest = numerators[i] - out.mean * denominators[i];
    squares += rest * rest;
  }
  out.deviation = std::sqrt(squares / (b - 1)) / (bottom / b);
  const double half = t_factor(confidence, numerators.size()) * out.deviation / std::sqrt(b);
  out.low = out.mean - half;
  out.high = out.mean + half;
  out.known = true;
  return out;
}

} // namespace sextant::statistics
