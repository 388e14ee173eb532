// estimates.hpp: What is believed of latencies that were not measured: predictions, corrected by what was. Pure.
#pragma once

#include <vector>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// A latency between bounds, ms. Bounds decide what is pruned, the expected value only the order.
struct belief {
  double low = 0;
  double expected = 0;
  double high = 0;
};

/// Truth over prediction, for mappings that were not measured.
struct correction {
  double low = 1;
  double expected = 1;
  double high = 1;
};

/// One correction for all mappings of a phase from the ratios (measured over predicted) of those that were measured.
/// `band`: relative error of the model. As long as every ratio lies within the band, a mapping's own deviation explains it:
/// the bounds stay, only the expectation moves, shrunk. Ratios beyond the band show that the model is off for all of them:
/// the bounds follow.
correction shared_correction(const std::vector<double>& ratios, double band);

/// Measured over predicted of a candidate, over all its measured points; 0 when nothing was measured.
double measured_ratio(const candidate_track& candidate);

/// The correction of a phase.
correction phase_correction(const knowledge& known, phase role);

/// What is believed of a sweep point of a candidate: its own measurements (the latency does not fall with the load), else
/// the phase's correction.
belief believe(const candidate_track& candidate, const decode_spot& spot, const correction& shared);

/// Throughput that a point cannot exceed when its latency is at least `low_ms`.
double throughput_bound(const candidate_track& candidate, const decode_spot& spot, double low_ms);

} // namespace sextant::searching
