// steady_state.hpp: Which part of a run is neither ramp-up nor drain, decided by rule. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// Where a series settles.
struct truncation {
  size_t drop = 0;    ///< samples at the start that belong to the transient
  bool valid = false; ///< the minimum lies in the first half: else the series is too short to tell
};

/// MSER-5 (White 1997, Spratt 1998): means of batches of five; what is dropped is the number of batches d that minimises
/// sum over j > d of (Z_j - mean)^2 / (k - d)^2, looked for in the first half, or the first d that is as good within the
/// standard error of that variance: noise alone moves the minimum anywhere. Variation of 2 % of the mean does not count.
/// Fewer than 50 samples: not valid.
truncation mser5(std::span<const double> series);

/// Spearman's rank correlation of a series with its own order, ties by mean ranks; 0 for fewer than three samples.
double rank_correlation_with_time(std::span<const double> series);

/// Requests in flight, each from its send to its end.
struct flight_change {
  int64_t ns = 0;
  int by = 0; ///< +1 at a send, -1 at an end
};

/// Sends and ends of all requests whose end is known, failed ones too, in order of time.
std::vector<flight_change> flight_changes(const std::vector<request_record>& requests);

/// Mean number in flight in each of `slices` equal parts of [begin, end).
std::vector<double> in_flight_by_slice(const std::vector<flight_change>& changes, int64_t begin_ns, int64_t end_ns,
                                       size_t slices);

/// The window between ramp-up and drain. MSER-5 over 1,000 slices of: requests in flight, output tokens, output tokens
/// per request in flight (the rate one user sees, free of the ramp itself), and over TTFTs and latencies in order of their
/// sends; ramp-up ends with the last of them. The drain is the same on requests in flight and tokens, backwards. In a closed
/// loop the first requests of all slots, which start at once, are left out, too.
///
/// Without `found` begin and end are those of the run and `reason` says what is missing.
steady_window find_window(const load_facts& facts, metric_profile profile, const std::vector<request_record>& requests);

} // namespace sextant::statistics
