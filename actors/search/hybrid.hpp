// hybrid.hpp: What is known before anything is measured decides what is measured at all. Pure.
#pragma once

#include "actors/search/state.hpp"

namespace sextant::searching {

/// Keeps the `top_candidates` of each phase that the performance model ranks first, prunes the others with their rank as
/// reason: those predicted within the target by throughput, then the others by latency.
void keep_best(knowledge& known);

} // namespace sextant::searching
