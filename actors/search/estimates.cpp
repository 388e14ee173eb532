// estimates.cpp: What is believed of latencies that were not measured.
#include "actors/search/estimates.hpp"

#include <algorithm>
#include <cmath>

namespace sextant::searching {

namespace {

/// Least relative error that a model is granted when it has measured nothing of a mapping.
constexpr double least_band = 0.35;
/// Relative error of the model's shape next to a measured point, and its growth with the logarithm of the distance in load.
constexpr double shape_band = 0.03;
constexpr double shape_band_growth = 0.08;
constexpr double most_shape_band = 0.15;
/// Relative spread of a measured value beyond its interval.
constexpr double measured_spread = 0.02;

} // namespace

correction shared_correction(const std::vector<double>& ratios, double band) {
  const double width = std::log1p(std::max(band, 0.0));
  if (ratios.empty())
    return {std::exp(-width), 1, std::exp(width)};
  double sum = 0;
  bool within = true;
  for (double ratio : ratios) {
    sum += std::log(ratio);
    within = within && std::abs(std::log(ratio)) <= width;
  }
  const auto count = static_cast<double>(ratios.size());
  const double centre = sum / count;
  const double shrunk = sum / (count + 1);
  if (within)
    return {std::exp(-width), std::exp(shrunk), std::exp(width)};
  return {std::exp(std::min(centre, shrunk) - width), std::exp(shrunk), std::exp(std::max(centre, shrunk) + width)};
}

double measured_ratio(const candidate_track& candidate) {
  double sum = 0;
  int count = 0;
  for (const auto& plan : candidate.grid)
    if (const auto* point = candidate.measured(plan.point)) {
      sum += std::log(point->value_ms / candidate.predict(spot_of(plan)));
      ++count;
    }
  return count > 0 ? std::exp(sum / count) : 0;
}

correction phase_correction(const knowledge& known, phase role) {
  std::vector<double> ratios;
  double band = least_band;
  for (const auto& candidate : known.candidates) {
    if (candidate.report.role != role || !candidate.model)
      continue;
    band = std::max(band, candidate.model->error_band());
    if (const double ratio = measured_ratio(candidate); ratio > 0)
      ratios.push_back(ratio);
  }
  return shared_correction(ratios, band);
}

namespace {

/// The measured sweep point whose load is nearest; nothing when none was measured.
const point_measured* nearest_measured(const candidate_track& candidate, int in_flight) {
  const point_measured* nearest = nullptr;
  const auto distance = [&](const point_measured& p) {
    return std::abs(std::log(static_cast<double>(p.plan.concurrency) / in_flight));
  };
  for (const auto& plan : candidate.grid)
    if (const auto* point = candidate.measured(plan.point); point && (!nearest || distance(*point) < distance(*nearest)))
      nearest = point;
  return nearest;
}

} // namespace

belief believe(const candidate_track& candidate, const decode_spot& spot, const correction& shared) {
  const double predicted = candidate.predict(spot);
  const auto* nearest = nearest_measured(candidate, spot.in_flight);
  if (!nearest)
    return {predicted * shared.low, predicted * shared.expected, predicted * shared.high};
  const double scaled = predicted * nearest->value_ms / candidate.predict(spot_of(nearest->plan));
  const double distance = std::abs(std::log(static_cast<double>(nearest->plan.concurrency) / spot.in_flight));
  const double band = std::min(shape_band + shape_band_growth * distance, most_shape_band);
  belief b{scaled / (1 + band), scaled, scaled * (1 + band)};
  for (const auto& plan : candidate.grid) {
    const auto* point = candidate.measured(plan.point);
    if (!point || plan.isl != spot.isl || plan.osl != spot.osl)
      continue;
    const double low =
        std::min(point->value_low_ms > 0 ? point->value_low_ms : point->value_ms, point->value_ms * (1 - measured_spread));
    const double high = std::max(point->value_high_ms, point->value_ms * (1 + measured_spread));
    if (plan.concurrency <= spot.in_flight)
      b.low = std::max(b.low, low);
    if (plan.concurrency >= spot.in_flight)
      b.high = std::min(b.high, high);
  }
  b.high = std::max(b.high, b.low);
  b.expected = std::clamp(b.expected, b.low, b.high);
  return b;
}

double throughput_bound(const candidate_track& candidate, const decode_spot& spot, double low_ms) {
  return low_ms > 0 ? candidate.throughput_weight(spot) / low_ms * (1 + measured_spread) : 0;
}

} // namespace sextant::searching
