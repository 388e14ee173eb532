// stop_rule.hpp: When enough waves of a point are measured. Pure.
#pragma once

#include <optional>

#include "messages/measure.hpp"
#include "messages/point_value.hpp"

namespace sextant::load {

/// Why to stop after `waves` finished waves with this value, or nothing to go on.
///
/// Before `min_waves` never; then as soon as the half width of the 95 % interval is at most r / (1 + r) of the value, r
/// being the wanted relative half width (Law and Kelton's correction: the value is itself an estimate); at `max_waves`
/// always, as `plan` when no precision was asked for and as `budget` when it was not reached.
std::optional<stop_reason> stop_after(const point_plan& plan, int waves, const interval& value);

} // namespace sextant::load
