// planner_config.hpp: The planner's own configuration in `features.planner` of a v1beta1 request, checked before anything is
// measured for it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/document.hpp"
#include "config/options.hpp"

namespace sextant {

/// Keys of the planner's configuration as its releases 1.0 to 1.6 spell them (reference sheet on Dynamo, 4.6), with types,
/// ranges and choices. The planner ignores keys that it does not know; here they are errors, since a misspelt one would
/// silently leave its default.
std::span<const option_row> planner_config_keys();

/// Checks a configuration: unknown keys (with the nearest real one), values of wrong type or range, and settings that
/// contradict each other, each with its place. `path` is where the object stands in the document.
void check_planner_config(const document_node& config, const std::string& source, const std::string& path,
                          std::vector<document_error>& errors);

} // namespace sextant
