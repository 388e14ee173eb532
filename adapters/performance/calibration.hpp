// calibration.hpp: What a few measured points of a deployment say about the predictions of its other points.
#pragma once

#include <vector>

#include "adapters/performance/serving.hpp"

namespace sextant::performance {

/// A measured point beside its uncorrected prediction. Zero: not measured.
struct calibration_point {
  double concurrency = 1;
  double isl = 1;
  double measured_ttft_ms = 0, measured_tpot_ms = 0;
  double predicted_ttft_ms = 0, predicted_tpot_ms = 0;
};

/// A factor for each latency that grows or shrinks with the load: exp(level + slope * ln(concurrency / centre)
/// + length * ln(isl / middle)).
struct latency_correction {
  double level = 0, slope = 0, length = 0;
  double centre = 1, middle = 1;
  double spread = 1; ///< of the corrected value's band over the uncorrected one's, (0, 1]

  double factor(double concurrency, double isl) const;
};

struct calibration {
  latency_correction ttft, tpot;
};

/// Ridge regression on ln(measured / predicted): without points nothing changes, few points change little beyond their
/// common level. The spreads of the priors are those of left-out combinations.
calibration calibrate(const std::vector<calibration_point>& points);

/// Applies a calibration; bands shrink with the number of points.
void apply(const calibration& what, serving_estimate& estimate, double concurrency, double isl);

} // namespace sextant::performance
