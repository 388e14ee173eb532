// op_lists.hpp: From an engine to the ops of its forward passes.
#pragma once

#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// The ops of one pass over prompt tokens and of one pass over decoding requests, on the busiest GPU, for every layer of
/// the model (pipeline stages are not taken apart here).
op_lists list_ops(const engine_spec& engine);

/// Bytes of the weights that one GPU holds: layers split over the stages, embedding or head on the fullest stage.
double shard_weight_bytes(const engine_spec& engine);

} // namespace sextant::performance
