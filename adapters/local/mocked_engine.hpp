// mocked_engine.hpp: Lets Dynamo's mocker play the engine that a deployment describes: its times and its KV cache by the
// performance and memory models. Pure but for the model.
#pragma once

#include <string>

#include "adapters/local/services.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant::local {

/// The mocker's timing file (.npz, reference sheet on Dynamo, 5.2) for one attention rank of this engine: prefill times up
/// to `max_context` tokens, decode times up to `kv_tokens` tokens in the rank's cache.
std::string mocker_timing(const engine_shape& shape, int max_context, int64_t kv_tokens);

/// Completes a mocker's arguments with what the deployment leaves open: KV blocks, longest context, and the timing file,
/// whose contents are returned for `timing_path`. Empty if the deployment has a timing of its own.
std::string complete_mocker(service_process& process, const engine_shape& shape, int max_context,
                            const std::string& timing_path);

} // namespace sextant::local
