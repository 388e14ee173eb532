// health_json.hpp: The client's health as JSON, for the exports. Pure.
#pragma once

#include <string>

#include "actors/load/self_check.hpp"

namespace sextant::load {

/// One JSON object; times in microseconds, shares between 0 and 1.
std::string health_json(const load_health& health);

} // namespace sextant::load
