// fit.hpp: A quadratic through measured values, for people to see the trend. Pure.
#pragma once

#include <optional>
#include <vector>

namespace sextant {

/// a·x² + b·x + c.
struct quadratic {
  double a = 0, b = 0, c = 0;
  double at(double x) const { return (a * x + b) * x + c; }
};

/// Least squares; nothing for fewer than three different x.
std::optional<quadratic> fit_quadratic(const std::vector<double>& x, const std::vector<double>& y);

} // namespace sextant
