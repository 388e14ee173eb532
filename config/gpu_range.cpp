// gpu_range.cpp: Weight bytes of a model and the range of GPUs per engine.
#include "config/gpu_range.hpp"

#include <algorithm>
#include <cmath>

namespace sextant {

namespace {

// Share of a GPU's memory that weights may take.
constexpr double usable_memory = 0.9;
// A model with experts may spread over this many times its smallest engine.
constexpr int moe_max_factor = 8;

double attention_elements(const model_facts& m) {
  const double hidden = m.hidden, heads = m.heads;
  if (m.kv_lora_rank > 0) {
    const double query = heads * (m.qk_nope_head_dim + m.qk_rope_head_dim);
    const double down = m.q_lora_rank > 0 ? hidden * m.q_lora_rank + m.q_lora_rank * query : hidden * query;
    const double kv =
        hidden * (m.kv_lora_rank + m.qk_rope_head_dim) + m.kv_lora_rank * heads * (m.qk_nope_head_dim + m.v_head_dim);
    return down + kv + heads * m.v_head_dim * hidden;
  }
  return hidden * m.head_dim * (2 * heads + 2 * m.kv_heads);
}

} // namespace

double weight_element_bytes(std::string_view format) {
  if (format == "int8_wo" || format == "sq" || format.substr(0, 3) == "fp8")
    return 1;
  if (format == "nvfp4" || format == "nvfp4_wo" || format == "w4a16_nvfp4")
    return 0.5625; // 4 bits and one FP8 scale per 16 elements
  if (format == "int4_wo" || format.substr(0, 2) == "w4")
    return 0.5;
  return 2;
}

double weight_bytes_of(const model_facts& m) {
  if (m.weight_bytes > 0)
    return m.weight_bytes;
  const auto gemm = weight_element_bytes(m.gemm_quant);
  const auto moe = weight_element_bytes(m.moe_quant.empty() ? m.gemm_quant : m.moe_quant);
  const double hidden = m.hidden;
  const int moe_layers = m.experts > 0 ? std::max(0, m.layers - m.first_dense_layers) : 0;
  const int dense_layers = m.layers - moe_layers;
  // Embeddings stay in 16 bit whatever the other weights are.
  double bytes = 2.0 * m.vocab * hidden * (m.tied_embeddings ? 1 : 2);
  bytes += m.layers * attention_elements(m) * gemm;
  bytes += dense_layers * 3.0 * hidden * m.intermediate * gemm;
  bytes += moe_layers
           * (3.0 * hidden * m.moe_intermediate * m.experts * moe + 3.0 * hidden * m.shared_intermediate * gemm
              + 2.0 * hidden * m.experts);
  return bytes;
}

gpu_range gpu_range_for(const gpu_range_input& in) {
  gpu_range range;
  if (in.discover) {
    range.gpus_per_node = in.gpus_per_node > 0 ? in.gpus_per_node : in.gpu_gpus_per_node;
    const auto exact = in.gpu_memory_bytes > 0 ? std::ceil(in.weight_bytes / usable_memory / in.gpu_memory_bytes) : 1.0;
    const auto fewest = static_cast<int>(std::clamp(exact, 1.0, 1e6));
    range.min_gpus = in.min_gpus > 0 ? in.min_gpus : fewest;
    const auto most = in.is_moe ? std::max(fewest * moe_max_factor, range.gpus_per_node) : range.gpus_per_node;
    range.max_gpus = in.max_gpus > 0 ? in.max_gpus : most;
  } else {
    range.gpus_per_node = in.gpus_per_node > 0 ? in.gpus_per_node : 8;
    range.min_gpus = in.min_gpus > 0 ? in.min_gpus : 1;
    range.max_gpus = in.max_gpus > 0 ? in.max_gpus : 4;
  }
  range.fits = range.min_gpus <= range.max_gpus;
  return range;
}

int largest_estimated_tp(int heads) {
  return heads / 4;
}

} // namespace sextant
