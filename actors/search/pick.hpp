// pick.hpp: The choice again, from stored results, for another target. Pure.
#pragma once

#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// Applies the selection rule to stored points for a new target; curves and candidates stay. Same rule as the search's end.
profile_result repick(const profile_request& request, const profile_result& stored,
                      const std::vector<point_measured>& points, const service_level& target);

} // namespace sextant
