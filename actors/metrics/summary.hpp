// summary.hpp: From token records to the result of a point. Pure.
#pragma once

#include <variant>

#include "messages/measure.hpp"
#include "messages/records.hpp"

namespace sextant {

/// The result of an attempt, or why it does not count (too few valid requests, wrong lengths everywhere).
std::variant<point_measured, failure> summarise(const attempt_records& records);

/// Statistics of samples: percentiles by linear interpolation as AIPerf computes them, 95 % interval of the mean.
distribution describe_samples(std::vector<double> samples);

} // namespace sextant
