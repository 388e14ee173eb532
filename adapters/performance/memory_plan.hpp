// memory_plan.hpp: What one GPU of an engine holds, and what is left for the KV cache. The one rule of what fits.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/performance/engine_spec.hpp"

namespace sextant::performance {

/// KV caches are cut into blocks of this many tokens.
inline constexpr int kv_block_tokens = 16;

/// What one GPU holds, and what is left for the KV cache.
struct memory_plan {
  double weight_bytes = 0; ///< of one shard
  double activation_bytes = 0;
  double reserved_bytes = 0;     ///< NCCL, runtime, graphs
  double usable_bytes = 0;       ///< memory the back end may use
  double kv_bytes_per_token = 0; ///< per attention rank, on each of its GPUs
  int64_t kv_tokens = 0;         ///< KV capacity of the whole engine, all attention ranks; 0 = does not fit
  bool fits = false;             ///< weights fit and at least one request of `min_tokens` fits
  std::string reason;            ///< why it does not fit, with the numbers
};

/// Sizes an engine (performance reference, section 4). `min_tokens`: the KV tokens that one request needs. `label`: of the
/// engine, for people.
memory_plan plan_memory(const engine_spec& engine, int64_t min_tokens, const std::string& label);

/// Bytes of one token's keys and values in all layers on one GPU; layers with a state of fixed size have none.
double kv_bytes_per_token(const engine_spec& engine);

/// KV tokens of one attention rank of an engine that is known to have run: what the plan leaves. Where that is nothing, the
/// engine was started with a larger share of the memory than the default: 6 % of it stay for the cache if weights fit at
/// all.
double kv_tokens_of_running(const engine_spec& engine);

} // namespace sextant::performance
