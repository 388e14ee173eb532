// special_functions.cpp: Incomplete beta by its continued fraction; quantiles by bisection and Newton's method.
#include "messages/special_functions.hpp"

#include <algorithm>
#include <cmath>

namespace sextant {

namespace {

/// The continued fraction of the incomplete beta function by modified Lentz.
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < tiny ? tiny : d);
  double h = d;
  // Converges in about sqrt(max(a, b)) steps.
  const int most = 300 + static_cast<int>(4 * std::sqrt(std::max(a, b)));
  for (int m = 1; m < most; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      d = 1 / (std::abs(d) < tiny ? tiny : d);
      c = 1 + term / c;
      c = std::abs(c) < tiny ? tiny : c;
      change = d * c;
      h *= change;
    }
    if (std::abs(change - 1) < 1e-14)
      break;
  }
  return h;
}

double student_t_at_most(double t, double degrees) {
  const double tail = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
  return t > 0 ? 1 - tail : tail;
}

} // namespace

double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1)
    return x <= 0 ? 0 : 1;
  // lgamma of the C library writes a global sign: lgamma_r does not.
  int sign = 0;
  const double front =
      std::exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double binomial_at_most(double k, double n, double p) {
  if (k < 0)
    return 0;
  return k >= n ? 1 : incomplete_beta(n - k, k + 1, 1 - p);
}

double normal_at_most(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}

double normal_quantile(double level) {
  double low = -39, high = 39;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (normal_at_most(middle) < level ? low : high) = middle;
  }
  return (low + high) / 2;
}

double student_t_quantile(double level, double degrees) {
  degrees = std::max(1.0, degrees);
  if (degrees > 1e6)
    return normal_quantile(level);
  double high = 16;
  const double upper = std::max(level, 1 - level);
  while (student_t_at_most(high, degrees) < upper)
    high *= 2;
  double low = 0;
  for (int i = 0; i < 70; ++i) {
    const double middle = (low + high) / 2;
    (student_t_at_most(middle, degrees) < upper ? low : high) = middle;
  }
  return level >= 0.5 ? (low + high) / 2 : -(low + high) / 2;
}

} // namespace sextant
