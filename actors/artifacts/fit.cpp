// fit.cpp: Least squares by the normal equations on x scaled to 0..1.
#include "actors/artifacts/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace sextant {

namespace {

// Gauss with pivoting on the 3x4 system; false when it has no unique solution.
bool solve(std::array<std::array<double, 4>, 3>& m) {
  for (size_t column = 0; column < 3; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < 3; ++row)
      if (std::abs(m[row][column]) > std::abs(m[pivot][column]))
        pivot = row;
    if (std::abs(m[pivot][column]) < 1e-10)
      return false;
    std::swap(m[column], m[pivot]);
    for (size_t row = 0; row < 3; ++row) {
      if (row == column)
        continue;
      const double factor = m[row][column] / m[column][column];
      for (size_t k = column; k < 4; ++k)
        m[row][k] -= factor * m[column][k];
    }
  }
  return true;
}

} // namespace

std::optional<quadratic> fit_quadratic(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() != y.size() || x.size() < 3)
    return std::nullopt;
  const double scale = *std::max_element(x.begin(), x.end());
  if (!(scale > 0))
    return std::nullopt;
  std::array<std::array<double, 4>, 3> m{};
  for (size_t i = 0; i < x.size(); ++i) {
    const double t = x[i] / scale;
    const std::array<double, 3> powers{t * t, t, 1};
    for (size_t row = 0; row < 3; ++row) {
      for (size_t column = 0; column < 3; ++column)
        m[row][column] += powers[row] * powers[column] / static_cast<double>(x.size());
      m[row][3] += powers[row] * y[i] / static_cast<double>(x.size());
    }
  }
  if (!solve(m))
    return std::nullopt;
  return quadratic{m[0][3] / m[0][0] / scale / scale, m[1][3] / m[1][1] / scale, m[2][3] / m[2][2]};
}

} // namespace sextant
