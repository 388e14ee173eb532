// versions.hpp: Order among versions of back ends, e.g. `0.5.6.post2`, `1.3.0rc20`.
#pragma once

#include <string_view>
#include <vector>

namespace sextant::performance {

/// Negative, 0 or positive as `a` is older than, equal to or newer than `b`. `dev` < `rc` < release < `post`.
int compare_versions(std::string_view a, std::string_view b);

/// Indices of `versions` in the order in which they stand in for `wanted`: it itself, older ones from the newest on, then
/// newer ones from the oldest on. An empty `wanted` means the newest.
std::vector<std::size_t> by_nearness(const std::vector<std::string_view>& versions, std::string_view wanted);

} // namespace sextant::performance
