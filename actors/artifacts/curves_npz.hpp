// curves_npz.hpp: The in-depth curves as the .npz files that the Dynamo planner reads. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// Bytes of `selected_prefill_interpolation/raw_data.npz`; empty if there are fewer than three samples.
std::string prefill_npz(const profile_result& result, const std::vector<point_measured>& points);

/// Bytes of `selected_decode_interpolation/raw_data.npz`; empty without samples or capacity.
std::string decode_npz(const profile_result& result, const std::vector<point_measured>& points);

/// What keeps planners of some releases from using the curves: too few prompt lengths, or decode samples along one line.
std::vector<std::string> curve_remarks(const profile_result& result);

} // namespace sextant
