// engine_files.hpp: What every engine leaves behind: its deployment and what it printed while starting. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// Files by name relative to the output directory: `{phase}_{n}gpus_{tag}/config.yaml`, the logs of engines that became
/// ready (of the latest attempt), and the same of the chosen engines in their `selected_*` folders.
std::map<std::string, std::string> engine_files(const profile_request& request, const profile_result& result,
                                                const std::vector<engine_ready>& engines);

} // namespace sextant
