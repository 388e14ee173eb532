// axis.cpp: Ranges and tick marks.
#include "adapters/gnuplot/axis.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sextant {

namespace {

constexpr double log_factor = 8;

std::vector<double> log_ticks(const chart_axis& axis) {
  const std::vector<std::vector<double>> grids{{1}, {1, 3}, {1, 2, 5}, {1, 1.5, 2, 3, 4, 5, 7}};
  std::vector<double> result;
  // The finest grid that still leaves room for the texts.
  for (const auto& grid : grids) {
    std::vector<double> ticks;
    for (double decade = std::pow(10, std::floor(std::log10(axis.from))); decade <= axis.to; decade *= 10)
      for (const double step : grid)
        if (decade * step >= axis.from * 0.999 && decade * step <= axis.to * 1.001)
          ticks.push_back(decade * step);
    if (ticks.size() > 9 && !result.empty())
      break;
    result = ticks;
  }
  return result;
}

} // namespace

double chart_axis::pixel(double value) const {
  const double share =
      logarithmic ? std::log(std::max(value, from * 1e-3) / from) / std::log(to / from) : (value - from) / (to - from);
  return pixel_from + share * (pixel_to - pixel_from);
}

chart_axis fit_axis(const std::vector<double>& values, bool may_be_log, bool zero) {
  chart_axis axis;
  if (values.empty())
    return axis;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (may_be_log && *low > 0 && *high / *low > log_factor) {
    axis.logarithmic = true;
    const double air = std::pow(*high / *low, 0.07);
    axis.from = *low / air;
    axis.to = *high * air;
    return axis;
  }
  const double span = *high > *low ? *high - *low : std::max(std::abs(*high) * 0.2, 1e-9);
  axis.from = zero ? std::min(0.0, *low - 0.08 * span) : *low - 0.08 * span;
  if (*low >= 0)
    axis.from = std::max(axis.from, 0.0);
  axis.to = *high + 0.08 * (*high - axis.from > 0 ? *high - axis.from : span);
  return axis;
}

std::vector<double> tick_values(const chart_axis& axis) {
  if (axis.logarithmic)
    return log_ticks(axis);
  const double rough = (axis.to - axis.from) / 6;
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = decade * 10;
  for (const double nice : {1.0, 2.0, 2.5, 5.0})
    if (decade * nice >= rough) {
      step = decade * nice;
      break;
    }
  std::vector<double> result;
  for (double i = std::ceil(axis.from / step - 1e-9); i * step <= axis.to + step * 1e-9; ++i)
    result.push_back(i * step);
  return result;
}

std::string tick_text(double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.6g", std::abs(value) < 1e-12 ? 0.0 : value);
  std::string text = buffer;
  if (text.find('e') != std::string::npos)
    return text;
  const auto point = std::min(text.find('.'), text.size());
  const size_t first = text[0] == '-' ? 1 : 0;
  // Four digits are read well without a separator.
  if (point - first > 4)
    for (size_t at = point; at > first + 3; at -= 3)
      text.insert(at - 3, " ");
  return text;
}

} // namespace sextant
