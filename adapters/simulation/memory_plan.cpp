// memory_plan.cpp: What one GPU of an engine holds and how many KV tokens that leaves, by the rules of each back end.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/model_shape.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant {

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr double mib = 1024.0 * 1024;
constexpr int batched_tokens = 8192; ///< tokens of one step that activations are sized for
constexpr double runtime_bytes = 3.5 * gib;
constexpr double fragmentation = 0.98; ///< share of the budget that block pools can use

double matrix_bytes(const std::vector<weight_matrix>& matrices) {
  double sum = 0;
  for (const auto& m : matrices)
    sum += m.elements() * format_bytes(m.quant);
  return sum;
}

double shard_weight_bytes(const model_facts& model, const mapping& layout) {
  const double shard = matrix_bytes(shard_matrices(model, layout));
  if (model.weight_bytes <= 0)
    return shard;
  // The files say how large the whole model is; the shape says which share of it this mapping puts on one GPU.
  const double whole = matrix_bytes(shard_matrices(model, mapping{}));
  return whole > 0 ? model.weight_bytes * shard / whole : model.weight_bytes / layout.gpus;
}

/// Activations per token in units of 2 * heads * head width bytes, falling with tensor parallelism.
double activation_coefficient(const engine_shape& shape) {
  const int tp = shape.layout.tensor_parallel();
  const int row = tp >= 4 ? 2 : tp >= 2 ? 1 : 0;
  const bool sglang = shape.backend == backend_kind::sglang;
  const double dense[2][3] = {{11, 6.5, 5}, {14, 8.5, 6.5}};
  const double sparse[2][3] = {{22, 13, 10}, {28, 17, 13}};
  return (shape.model.experts > 0 ? sparse : dense)[sglang ? 1 : 0][row];
}

double activation_bytes(const engine_shape& shape) {
  const bool sglang = shape.backend == backend_kind::sglang;
  const double width = static_cast<double>(shape.model.heads) * shape.model.head_dim;
  double bytes = 2.0 * batched_tokens * width * activation_coefficient(shape);
  if (shape.model.is_mla && shape.model.experts > 0) // routing workspace of the large expert models
    bytes += static_cast<double>(batched_tokens) * shape.model.hidden * shape.layout.attention_data_parallel()
             * shape.model.experts_per_token / shape.layout.expert_parallel() / 128 * 4;
  bytes = std::max(bytes, (sglang ? 90 : 70) * mib);
  return sglang ? bytes * 1.15 : bytes;
}

double reserved_bytes(const engine_shape& shape) {
  const int tp = shape.layout.gpus;
  const double collective = tp >= 4 ? 411041792.0 : tp >= 2 ? 358612992.0 : 0.0;
  return collective + (shape.backend == backend_kind::sglang ? 1.2 : 1.0) * runtime_bytes;
}

/// Share of the memory that sglang gives to weights and KV cache, from its own tiers of memory size.
double sglang_static_share(const engine_shape& shape) {
  const double capacity = shape.gpu.memory_bytes / mib;
  const int tp = shape.layout.tensor_parallel();
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
  const int dp = shape.layout.attention_data_parallel();
  double reserved = 512 + 1.5 * chunk + tp / 8.0 * 1024 + 2 * graph;
  if (dp > 1)
    reserved += 3 * graph * dp + (graph > 300 ? 1.5 * graph * dp : 0);
  if (capacity > 60 * 1024)
    reserved = std::max(reserved, 10240.0);
  return std::clamp((capacity - reserved) / capacity, 0.1, 0.95);
}

/// Memory of one GPU that the back end lets itself use, before the KV pool is cut.
double usable_bytes(const engine_shape& shape, double held) {
  const double capacity = shape.gpu.memory_bytes;
  switch (shape.backend) {
    case backend_kind::trtllm: // takes a share of what is free after loading
      return held + std::max(0.0, capacity - held) * 0.9 * (1 - 0.015) * fragmentation;
    case backend_kind::sglang:
      return capacity * sglang_static_share(shape) * fragmentation;
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

std::string why_not(const engine_shape& shape, const memory_plan& plan, int64_t rank_tokens, int64_t min_tokens) {
  const double held = plan.weight_bytes + plan.activation_bytes + plan.reserved_bytes;
  std::string text = "weights " + gigabytes(plan.weight_bytes) + " + activations " + gigabytes(plan.activation_bytes)
                     + " + runtime " + gigabytes(plan.reserved_bytes) + " = " + gigabytes(held) + " of "
                     + gigabytes(plan.usable_bytes) + " usable on each " + shape.gpu.name + " (" + shape.layout.label()
                     + ")";
  if (held >= plan.usable_bytes)
    return text + ": no room for a KV cache";
  return text + ": KV cache holds " + std::to_string(rank_tokens) + " tokens per attention rank, one request needs "
         + std::to_string(min_tokens);
}

} // namespace

memory_plan plan_memory(const engine_shape& shape, int64_t min_tokens) {
  memory_plan plan;
  plan.weight_bytes = shard_weight_bytes(shape.model, shape.layout);
  plan.activation_bytes = activation_bytes(shape);
  plan.reserved_bytes = reserved_bytes(shape);
  plan.kv_bytes_per_token = kv_bytes_per_token(shape.model, shape.layout);
  const double held = plan.weight_bytes + plan.activation_bytes + plan.reserved_bytes;
  plan.usable_bytes = usable_bytes(shape, held);
  int64_t rank_tokens = 0;
  if (plan.usable_bytes > held && plan.kv_bytes_per_token > 0)
    rank_tokens =
        static_cast<int64_t>((plan.usable_bytes - held) / plan.kv_bytes_per_token) / kv_block_tokens * kv_block_tokens;
  plan.fits = rank_tokens > 0 && rank_tokens >= min_tokens;
  if (plan.fits)
    plan.kv_tokens = rank_tokens * shape.layout.attention_data_parallel();
  else
    plan.reason = why_not(shape, plan, rank_tokens, min_tokens);
  return plan;
}

} // namespace sextant
