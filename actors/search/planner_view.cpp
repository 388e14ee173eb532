// planner_view.cpp: Interpolation as planners do it.
#include "actors/search/planner_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sextant::searching {

namespace {

/// Places per interval at which a curve is looked at.
constexpr int looks = 16;

/// Lengths around the target's, by factor, at which the straight line is held against the measurement.
constexpr double neighbourhood = 2;

/// Traffic whose prompts are shorter than the target's by more than this factor is another workload.
constexpr double far_below = 8;

/// Straight interpolation between the neighbours of a place within the range.
double between(const std::vector<double>& x, const std::vector<double>& y, double at) {
  const auto right =
      std::clamp<size_t>(static_cast<size_t>(std::upper_bound(x.begin(), x.end(), at) - x.begin()), 1, x.size() - 1);
  const double share = (at - x[right - 1]) / (x[right] - x[right - 1]);
  return y[right - 1] + share * (y[right] - y[right - 1]);
}

template <class... Values>
std::string text(const char* format, Values... values) {
  char buffer[240];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

} // namespace

cubic_curve::cubic_curve(std::vector<double> x, std::vector<double> y)
    : x_(std::move(x)), y_(std::move(y)), second_(x_.size()) {
  const size_t last = x_.size() - 1;
  std::vector<double> width(last), slope(last);
  for (size_t i = 0; i < last; ++i) {
    width[i] = x_[i + 1] - x_[i];
    slope[i] = (y_[i + 1] - y_[i]) / width[i];
  }
  // Rows of the inner points; the outer second derivatives are put in from "the third derivative does not jump".
  std::vector<double> below(last), diagonal(last), above(last), right(last);
  for (size_t i = 1; i < last; ++i) {
    below[i] = width[i - 1];
    diagonal[i] = 2 * (width[i - 1] + width[i]);
    above[i] = width[i];
    right[i] = 6 * (slope[i] - slope[i - 1]);
  }
  const double first_ratio = width[0] / width[1], last_ratio = width[last - 1] / width[last - 2];
  diagonal[1] += width[0] * (1 + first_ratio);
  above[1] -= width[0] * first_ratio;
  diagonal[last - 1] += width[last - 1] * (1 + last_ratio);
  below[last - 1] -= width[last - 1] * last_ratio;
  for (size_t i = 2; i < last; ++i) {
    const double factor = below[i] / diagonal[i - 1];
    diagonal[i] -= factor * above[i - 1];
    right[i] -= factor * right[i - 1];
  }
  for (size_t i = last - 1; i >= 1; --i)
    second_[i] = (right[i] - (i + 1 < last ? above[i] * second_[i + 1] : 0)) / diagonal[i];
  second_[0] = second_[1] * (1 + first_ratio) - second_[2] * first_ratio;
  second_[last] = second_[last - 1] * (1 + last_ratio) - second_[last - 2] * last_ratio;
}

double cubic_curve::operator()(double x) const {
  const auto right =
      std::clamp<size_t>(static_cast<size_t>(std::upper_bound(x_.begin(), x_.end(), x) - x_.begin()), 1, x_.size() - 1);
  const size_t left = right - 1;
  const double width = x_[right] - x_[left], a = (x_[right] - x) / width, b = (x - x_[left]) / width;
  return a * y_[left] + b * y_[right]
         + ((a * a * a - a) * second_[left] + (b * b * b - b) * second_[right]) * width * width / 6;
}

fitted_line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const auto count = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / count;
    mean_y += y[i] / count;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  const double slope = xy / xx;
  return {mean_y - slope * mean_x, slope};
}

std::vector<std::string> prefill_misreadings(const std::vector<prefill_sample>& curve, int isl) {
  std::vector<std::string> result;
  if (curve.size() < 4)
    return result;
  std::vector<double> x, ttft, throughput;
  for (const auto& sample : curve) {
    x.push_back(sample.isl);
    ttft.push_back(sample.ttft_ms);
    throughput.push_back(sample.throughput_per_gpu);
  }
  const cubic_curve cubic_ttft{x, ttft}, cubic_throughput{x, throughput};
  const auto line = fit_line(x, ttft);
  double negative_at = 0, off = 0, off_at = 0;
  for (size_t i = 1; i < x.size(); ++i)
    for (int k = 0; k < looks; ++k) {
      const double at = x[i - 1] * std::pow(x[i] / x[i - 1], static_cast<double>(k) / looks);
      if (negative_at == 0 && (cubic_ttft(at) <= 0 || cubic_throughput(at) <= 0))
        negative_at = at;
      const double error = line(at) / between(x, ttft, at) - 1;
      if (at * neighbourhood >= isl && at <= isl * neighbourhood && std::abs(error) > std::abs(off)) {
        off = error;
        off_at = at;
      }
    }
  if (negative_at > 0)
    result.push_back(
        text("planners up to 1.0 interpolate the prefill curve with a cubic, which is negative near ISL %.0f", negative_at));
  if (std::abs(off) > line_tolerance)
    result.push_back(text("planners from 1.2 on fit a straight line to the prefill curve, which is %+.0f %% off at ISL %.0f",
                          off * 100, off_at));
  const double zero_at = line.slope > 0 ? -line.intercept / line.slope : 0;
  if (zero_at > x.front() && zero_at * far_below > isl)
    result.push_back(text("planners from 1.2 on fit a straight line to the prefill curve, which is not above zero up to ISL "
                          "%.0f",
                          zero_at));
  return result;
}

} // namespace sextant::searching
