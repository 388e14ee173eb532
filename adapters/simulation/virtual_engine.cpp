// virtual_engine.cpp: Engines described inside an endpoint: `virtual:` and the body of the message that asked for the
// engine.
#include <algorithm>

#include "adapters/simulation/engine_core.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {
constexpr std::string_view scheme = "virtual:";
}

std::string virtual_endpoint(const deploy_engine& what) {
  auto described = what; // without what does not change the engine
  described.dgd.clear();
  described.timeout_s = deploy_engine{}.timeout_s;
  described.simulation_speed = 0;
  return std::string{scheme} + encode_body(described);
}

std::unique_ptr<engine_core> engine_from_endpoint(const std::string& endpoint, std::string& error) {
  if (endpoint.compare(0, scheme.size(), scheme) != 0) {
    error = "not a virtual endpoint: " + endpoint.substr(0, 40);
    return nullptr;
  }
  std::vector<codec_error> errors;
  const auto what = decode_body<deploy_engine>(std::string_view{endpoint}.substr(scheme.size()), errors);
  if (!what) {
    error = errors.empty() ? "malformed engine description" : errors.front().path + ": " + errors.front().message;
    return nullptr;
  }
  const engine_shape shape{what->model, what->gpu, what->backend, what->layout};
  const auto plan = plan_memory(shape, std::max(1, what->max_context));
  if (!plan.fits) {
    error = plan.reason;
    return nullptr;
  }
  engine_settings settings;
  settings.role = what->role;
  settings.kv_tokens = plan.kv_tokens;
  settings.max_context = what->max_context;
  settings.seed = what->seed;
  return make_engine_core(shape, make_step_model(shape), settings);
}

} // namespace sextant
