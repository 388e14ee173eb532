// boundary.hpp: The load at which a decode engine is expected to reach the target, between the loads of the grid. Pure.
#pragma once

#include <optional>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// The load that is expected to give the most tokens/s/GPU within the ITL target, over all engines of which a point was
/// measured and any load up to their capacity: predicted, corrected by what was measured. Nothing unless it is well above
/// the pick, which the reference's rule takes from the loads of a coarse grid.
std::optional<alternative> better_between_grid_loads(const knowledge& known, const selected_engine& pick);

} // namespace sextant::searching
