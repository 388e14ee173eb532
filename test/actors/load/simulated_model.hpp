// simulated_model.hpp: A dense model on eight GPUs, for tests that need a simulated engine.
#pragma once

#include "messages/engine.hpp"
#include "test/adapters/simulation/worlds.hpp"

namespace sextant::testing {

/// What to deploy: a dense model of 32 billion parameters.
inline deploy_engine dense_engine(phase role, mapping layout = {mapping_method::tp, 4}) {
  deploy_engine d;
  d.engine = "e";
  d.role = role;
  d.layout = layout;
  d.host = "simulated";
  d.seed = 1;
  d.max_context = 8192;
  d.model = worlds::qwen3_32b();
  d.model.name = "dense"; // the name requests ask for
  d.gpu = worlds::h200();
  return d;
}

} // namespace sextant::testing
