// memory_plan.cpp: What one GPU of an engine holds and how many KV tokens that leaves, by the rules of each back end.
#include "adapters/performance/memory_plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "adapters/performance/formats.hpp"
#include "adapters/performance/layers.hpp"
#include "adapters/performance/op_lists.hpp"

namespace sextant::performance {

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr double mib = 1024.0 * 1024;
constexpr int batched_tokens = 8192; ///< tokens of one step that activations are sized for
constexpr double runtime_bytes = 3.5 * gib;
constexpr double fragmentation = 0.98; ///< share of the budget that block pools can use

/// Weights of one shard. The files may say how large the whole model is; the op lists say which share this layout holds.
double weight_bytes(const engine_spec& engine) {
  const double shard = shard_weight_bytes(engine);
  if (engine.model.weight_bytes <= 0)
    return shard;
  auto alone = engine;
  alone.layout = {};
  const double whole = shard_weight_bytes(alone);
  return whole > 0 ? engine.model.weight_bytes * shard / whole : engine.model.weight_bytes / engine.layout.gpus();
}

/// Activations per token in units of 2 * heads * head width bytes, falling with tensor parallelism.
double activation_coefficient(const engine_spec& shape) {
  const int tp = shape.layout.tp;
  const int row = tp >= 4 ? 2 : tp >= 2 ? 1 : 0;
  const bool sglang = shape.backend == backend_kind::sglang;
  const double dense[2][3] = {{11, 6.5, 5}, {14, 8.5, 6.5}};
  const double sparse[2][3] = {{22, 13, 10}, {28, 17, 13}};
  return (shape.model.experts > 0 ? sparse : dense)[sglang ? 1 : 0][row];
}

double activation_bytes(const engine_spec& shape) {
  const bool sglang = shape.backend == backend_kind::sglang;
  const double width = static_cast<double>(shape.model.heads) * shape.model.head_dim;
  double bytes = 2.0 * batched_tokens * width * activation_coefficient(shape);
  if (shape.model.is_mla && shape.model.experts > 0) // routing workspace of the large expert models
    bytes += static_cast<double>(batched_tokens) * shape.model.hidden * shape.layout.dp * shape.model.experts_per_token
             / std::max(1, shape.layout.moe_ep) / 128 * 4;
  bytes = std::max(bytes, (sglang ? 90 : 70) * mib);
  return sglang ? bytes * 1.15 : bytes;
}

double reserved_bytes(const engine_spec& shape) {
  const int tp = shape.layout.gpus();
  const double collective = tp >= 4 ? 411041792.0 : tp >= 2 ? 358612992.0 : 0.0;
  return collective + (shape.backend == backend_kind::sglang ? 1.2 : 1.0) * runtime_bytes;
}

/// Share of the memory that sglang gives to weights and KV cache, from its own tiers of memory size.
double sglang_static_share(const engine_spec& shape) {
  const double capacity = shape.gpu.memory_bytes / mib;
  const int tp = shape.layout.tp;
  double chunk = 16384, graph = 512;
  if (capacity < 20480) {
    chunk = 2048, graph = 8;
  } else if (capacity < 35840) {
    chunk = 2048, graph = tp < 4 ? 24 : 80;
  } else if (capacity < 61440) {
    chunk = 4096, graph = tp < 4 ? 32 : 160;
  } else if (capacity < 163840) {
    chunk = 8192, graph = tp < 4 ? 256 : 512;
  }
  const int dp = shape.layout.dp;
  double reserved = 512 + 1.5 * chunk + tp / 8.0 * 1024 + 2 * graph;
  if (dp > 1)
    reserved += 3 * graph * dp + (graph > 300 ? 1.5 * graph * dp : 0);
  if (capacity > 60 * 1024)
    reserved = std::max(reserved, 10240.0);
  return std::clamp((capacity - reserved) / capacity, 0.1, 0.95);
}

/// Memory of one GPU that the back end lets itself use, before the KV pool is cut.
double usable_bytes(const engine_spec& shape, double held, double beside_weights) {
  const double capacity = shape.gpu.memory_bytes;
  switch (shape.backend) {
    case backend_kind::trtllm: // takes a share of what is free after loading
      return held + std::max(0.0, capacity - held) * 0.9 * (1 - 0.015) * fragmentation;
    case backend_kind::sglang: // its share is for weights and cache; activations, graphs and libraries lie outside of it
      return std::min(capacity * fragmentation, capacity * sglang_static_share(shape) * fragmentation + beside_weights);
    case backend_kind::vllm:
      break;
  }
  return capacity * 0.92 * fragmentation;
}

std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", bytes / 1e9);
  return text;
}

std::string why_not(const engine_spec& shape, const std::string& label, const memory_plan& plan, int64_t rank_tokens,
                    int64_t min_tokens) {
  const double held = plan.weight_bytes + plan.activation_bytes + plan.reserved_bytes;
  std::string text = "weights " + gigabytes(plan.weight_bytes) + " + activations " + gigabytes(plan.activation_bytes)
                     + " + runtime " + gigabytes(plan.reserved_bytes) + " = " + gigabytes(held) + " of "
                     + gigabytes(plan.usable_bytes) + " usable on each " + shape.gpu.name + " (" + label + ")";
  if (held >= plan.usable_bytes)
    return text + ": no room for a KV cache";
  return text + ": KV cache holds " + std::to_string(rank_tokens) + " tokens per attention rank, one request needs "
         + std::to_string(min_tokens);
}

} // namespace

double kv_bytes_per_token(const engine_spec& engine) {
  const auto& m = engine.model;
  double values = 0;
  for (const auto& group : layers_of(m)) {
    if (group.mixer == mixer_kind::none || is_recurrent(group.mixer))
      continue;
    // A latent vector is one for all heads: a copy on every rank.
    const bool latent = m.kv_lora_rank > 0;
    const double heads = std::ceil(std::max(1, m.kv_heads) / static_cast<double>(std::max(1, engine.layout.tp)));
    values += group.count * (latent ? 1.0 * m.kv_lora_rank + m.qk_rope_head_dim : 2.0 * heads * m.head_dim);
  }
  return values * format_bytes(m.kv_quant) / std::max(1, engine.layout.pp);
}

memory_plan plan_memory(const engine_spec& shape, int64_t min_tokens, const std::string& label) {
  memory_plan plan;
  plan.weight_bytes = weight_bytes(shape);
  plan.activation_bytes = activation_bytes(shape);
  plan.reserved_bytes = reserved_bytes(shape);
  plan.kv_bytes_per_token = kv_bytes_per_token(shape);
  const double held = plan.weight_bytes + plan.activation_bytes + plan.reserved_bytes;
  plan.usable_bytes = usable_bytes(shape, held, plan.activation_bytes + plan.reserved_bytes);
  int64_t rank_tokens = 0;
  if (plan.usable_bytes > held && plan.kv_bytes_per_token > 0)
    rank_tokens =
        static_cast<int64_t>((plan.usable_bytes - held) / plan.kv_bytes_per_token) / kv_block_tokens * kv_block_tokens;
  plan.fits = rank_tokens > 0 && rank_tokens >= min_tokens;
  if (plan.fits)
    plan.kv_tokens = rank_tokens * std::max(1, shape.layout.dp);
  else
    plan.reason = why_not(shape, label, plan, rank_tokens, min_tokens);
  return plan;
}

double kv_tokens_of_running(const engine_spec& engine) {
  const auto plan = plan_memory(engine, 1, {});
  if (plan.kv_tokens > 0)
    return static_cast<double>(plan.kv_tokens) / std::max(1, engine.layout.dp);
  const double left = std::min(engine.gpu.memory_bytes * 0.06, engine.gpu.memory_bytes - plan.weight_bytes);
  return plan.kv_bytes_per_token > 0 ? std::max(0.0, left / plan.kv_bytes_per_token) : 0;
}

} // namespace sextant::performance
