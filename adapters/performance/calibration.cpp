#include "adapters/performance/calibration.hpp"

#include <array>
#include <cmath>

namespace sextant::performance {

namespace {

/// Standard deviations: of the corrections that deployments need, and of one point around a corrected curve. From the
/// residuals of left-out combinations.
struct spreads {
  double level, slope, length, noise;
};
constexpr spreads tpot_spreads{0.20, 0.04, 0.05, 0.07};
constexpr spreads ttft_spreads{0.40, 0.12, 0.12, 0.22};

using vector3 = std::array<double, 3>;

vector3 solve3(std::array<vector3, 3> a, vector3 b) {
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = i + 1; j < 3; ++j) {
      const double share = a[j][i] / a[i][i];
      for (std::size_t k = 0; k < 3; ++k)
        a[j][k] -= share * a[i][k];
      b[j] -= share * b[i];
    }
  for (std::size_t i = 3; i-- > 0;) {
    for (std::size_t k = i + 1; k < 3; ++k)
      b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

latency_correction correct(const std::vector<calibration_point>& points, double calibration_point::*measured,
                           double calibration_point::*predicted, const spreads& s) {
  latency_correction c;
  double used = 0, centre = 0, middle = 0;
  const auto usable = [&](const calibration_point& p) {
    return p.*measured > 0 && p.*predicted > 0 && p.concurrency > 0 && p.isl > 0;
  };
  for (const auto& p : points)
    if (usable(p)) {
      used += 1;
      centre += std::log(p.concurrency);
      middle += std::log(p.isl);
    }
  if (used == 0)
    return c;
  c.centre = std::exp(centre / used);
  c.middle = std::exp(middle / used);
  std::array<vector3, 3> a{};
  vector3 b{};
  const vector3 prior{s.level, s.slope, s.length};
  for (std::size_t i = 0; i < 3; ++i)
    a[i][i] = s.noise * s.noise / (prior[i] * prior[i]);
  for (const auto& p : points) {
    if (!usable(p))
      continue;
    const vector3 x{1, std::log(p.concurrency / c.centre), std::log(p.isl / c.middle)};
    const double y = std::log(p.*measured / p.*predicted);
    for (std::size_t i = 0; i < 3; ++i) {
      b[i] += x[i] * y;
      for (std::size_t j = 0; j < 3; ++j)
        a[i][j] += x[i] * x[j];
    }
  }
  const auto solution = solve3(a, b);
  c.level = solution[0];
  c.slope = solution[1];
  c.length = solution[2];
  const double left = s.level * s.level * s.noise * s.noise / (s.noise * s.noise + used * s.level * s.level);
  c.spread = std::sqrt((left + s.noise * s.noise) / (s.level * s.level + s.noise * s.noise));
  return c;
}

void correct(banded& x, const latency_correction& c, double factor) {
  if (!(x.value > 0))
    return;
  const double low = std::pow(x.low / x.value, c.spread), high = std::pow(x.high / x.value, c.spread);
  x.value *= factor;
  x.low = x.value * low;
  x.high = x.value * high;
}

} // namespace

double latency_correction::factor(double concurrency, double isl) const {
  return std::exp(level + slope * std::log(concurrency / centre) + length * std::log(isl / middle));
}

calibration calibrate(const std::vector<calibration_point>& points) {
  return {correct(points, &calibration_point::measured_ttft_ms, &calibration_point::predicted_ttft_ms, ttft_spreads),
          correct(points, &calibration_point::measured_tpot_ms, &calibration_point::predicted_tpot_ms, tpot_spreads)};
}

void apply(const calibration& what, serving_estimate& e, double concurrency, double isl) {
  if (!e.ok || !(concurrency > 0) || !(isl > 0))
    return;
  const double ttft = what.ttft.factor(concurrency, isl), tpot = what.tpot.factor(concurrency, isl);
  const double before = e.request_latency_ms;
  const double decoding = before - e.ttft_ms.value;
  correct(e.ttft_ms, what.ttft, ttft);
  correct(e.tpot_ms, what.tpot, tpot);
  e.ttft_p50_ms *= ttft;
  e.ttft_p99_ms *= ttft;
  e.tpot_p50_ms *= tpot;
  e.tpot_p99_ms *= tpot;
  e.request_latency_ms = e.ttft_ms.value + decoding * tpot;
  if (e.request_latency_ms > 0)
    e.output_tokens_per_s *= before / e.request_latency_ms;
}

} // namespace sextant::performance
