// engine_startup.hpp: How long a back end takes to start and what it prints meanwhile.
#pragma once

#include <string>
#include <vector>

#include "adapters/simulation/step_model.hpp"

namespace sextant {

/// The start of one engine, as its back end would show it.
struct startup_story {
  double seconds = 0;               ///< engine seconds until ready, or until it gives up
  std::vector<std::string> loading; ///< printed at once
  std::vector<std::string> ending;  ///< printed at the end: the KV capacity and readiness, or the failure
};

/// Tells the start of an engine with this memory plan; a plan that does not fit ends in an out-of-memory error.
startup_story tell_startup(const engine_shape& shape, const memory_plan& plan, int max_context);

} // namespace sextant
