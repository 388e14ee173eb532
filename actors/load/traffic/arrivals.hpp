// arrivals.hpp: When requests arrive: renewal processes of a law, bent by a rate that changes. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "config/load_options.hpp"

namespace sextant::load {

/// The law of arrivals.
struct arrival_law {
  arrival_pattern pattern = arrival_pattern::poisson;
  double rate = 1;                ///< arrivals per second; ignored with `series`
  double smoothness = 1;          ///< gamma's shape
  double ramp_s = 0;              ///< the rate grows linearly from 0 to its (first) value
  std::vector<rate_point> series; ///< linear between points, constant outside; times count from the end of the ramp
};

/// Arrivals expected until a time.
double expected_arrivals(const arrival_law& law, double time_s);

/// The time until which that many arrivals are expected: the inverse.
double time_of_expected(const arrival_law& law, double arrivals);

/// Ascending times in ns since the start: at most `count`, all before `duration_s` where that is above 0. A constant law
/// starts at 0, the others with a gap of their law. Later arrivals do not depend on `count`: more are a continuation.
std::vector<int64_t> arrival_times(const arrival_law& law, uint64_t seed, uint64_t phase, uint64_t count,
                                   double duration_s = 0);

} // namespace sextant::load
