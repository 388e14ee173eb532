// planner_view.hpp: What Dynamo's planners make of measured curves between their points (reference sheet, 7.3). Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant::searching {

/// Cubic spline with not-a-knot ends through all its points, as planners up to 1.0 interpolate a prefill curve
/// (scipy's `interp1d(kind="cubic")`). The second derivatives solve the usual tridiagonal system; the ends are continued by
/// the third derivative of their neighbours.
class cubic_curve {
public:
  /// `x` ascends; at least four points.
  cubic_curve(std::vector<double> x, std::vector<double> y);

  /// Value at a place between the first and the last point.
  double operator()(double x) const;

private:
  std::vector<double> x_, y_, second_;
};

/// Straight line of least squares, as planners from 1.2 on fit TTFT over prompt tokens.
struct fitted_line {
  double intercept = 0;
  double slope = 0;

  double operator()(double x) const { return intercept + slope * x; }
};

/// The line through points of which at least two differ in x.
fitted_line fit_line(const std::vector<double>& x, const std::vector<double>& y);

/// What planners would make of a prefill curve, where that is far from what was measured: texts for a reader, empty if both
/// kinds of planner serve the whole range. `isl` is the target's input length.
std::vector<std::string> prefill_misreadings(const std::vector<prefill_sample>& curve, int isl);

/// Relative error of the straight line around the target's input length that is worth a remark.
inline constexpr double line_tolerance = 0.3;

} // namespace sextant::searching
