// axis.hpp: Ranges, tick marks and pixels of a chart's axis. Pure.
#pragma once

#include <string>
#include <vector>

namespace sextant {

/// One axis: its range in data units, its place in pixels.
struct chart_axis {
  double from = 0;
  double to = 1;
  bool logarithmic = false;
  double pixel_from = 0;
  double pixel_to = 1;

  double pixel(double value) const;
};

/// An axis that shows all values with some air around. Logarithmic when they differ by more than a factor of eight
/// and `may_be_log` says so; a linear axis starts at zero on request.
chart_axis fit_axis(const std::vector<double>& values, bool may_be_log, bool zero);

/// Values for tick marks, ascending, four to nine of them.
std::vector<double> tick_values(const chart_axis& axis);

/// A tick's text: thousands separated, no needless digits.
std::string tick_text(double value);

} // namespace sextant
