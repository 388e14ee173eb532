// nearest.hpp: The real name that a misspelt one was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// Edits between two texts: insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
int edit_distance(std::string_view a, std::string_view b);

/// The candidate that is nearest to `name`, compared without case, `-` and `_`; empty if none is near enough to be meant.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

} // namespace sextant
