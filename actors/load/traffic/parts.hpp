// parts.hpp: Cuts a plan for several load processes. Pure.
#pragma once

#include "actors/load/traffic/schedule.hpp"

namespace sextant::load {

/// The share of a limit for one of several: the shares add up to the whole. 0 stays 0.
int share_of(int limit, int part, int parts);

/// Most parts that a plan can be cut into: each needs a session and one of every limit.
int most_parts(const traffic_schedule& schedule);

/// Part `part` (0-based) of `parts`: every `parts`-th session with all its turns and its share of the limits. Indices,
/// times and prompts stay those of the plan, so that all parts together are the plan.
traffic_schedule part_of(const traffic_schedule& schedule, int part, int parts);

} // namespace sextant::load
