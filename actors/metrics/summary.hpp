// summary.hpp: From token records to the result of a point. Pure.
#pragma once

#include <variant>

#include "messages/measure.hpp"
#include "messages/point_value.hpp" // describe_samples
#include "messages/records.hpp"

namespace sextant {

/// The result of an attempt, or why it does not count (too few valid requests, wrong lengths everywhere).
std::variant<point_measured, failure> summarise(const attempt_records& records);

} // namespace sextant
