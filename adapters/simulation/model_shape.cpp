// model_shape.cpp: Matrix shapes per architecture family and mapping (dense GQA, mixture of experts, latent attention).
#include "adapters/simulation/model_shape.hpp"

#include <algorithm>
#include <cmath>

namespace sextant {

namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](auto p) { return text.substr(0, p.size()) == p; });
}

bool is_weight_only(std::string_view quant) {
  return quant == "int8_wo" || quant == "int4_wo" || quant == "nvfp4_wo" || starts_with_any(quant, {"w4a16"});
}

} // namespace

double format_bytes(std::string_view quant) {
  if (starts_with_any(quant, {"nvfp4", "w4a16_nvfp4"}))
    return 0.5625; // 4 bits and one FP8 scale for 16 elements
  if (starts_with_any(quant, {"int4", "w4a"}))
    return 0.5;
  if (starts_with_any(quant, {"fp8", "int8", "sq"}))
    return 1;
  return 2;
}

format_cost cost_of_format(std::string_view quant, const gpu_facts& gpu) {
  format_cost cost{format_bytes(quant), gpu.bf16_flops, 0.66};
  if (is_weight_only(quant)) {
    cost.math_efficiency = 0.55; // the weights are widened on the way to the units
  } else if (starts_with_any(quant, {"nvfp4"}) && gpu.fp4_flops > 0) {
    cost.flops = gpu.fp4_flops;
    cost.math_efficiency = 0.5;
  } else if (starts_with_any(quant, {"fp8", "w4afp8", "w4a8"}) && gpu.fp8_flops > 0) {
    cost.flops = gpu.fp8_flops;
    cost.math_efficiency = 0.58;
  } else if (quant == "sq" && gpu.int8_ops > 0) {
    cost.flops = gpu.int8_ops;
    cost.math_efficiency = 0.55;
  }
  return cost;
}

int moe_layers(const model_facts& model) {
  if (model.experts <= 0 || model.moe_intermediate <= 0)
    return 0;
  return std::max(0, model.layers - model.first_dense_layers);
}

int windowed_layers(const model_facts& model) {
  // Most checkpoints that carry a window do not use it; gpt-oss alternates windowed and full layers.
  const bool alternates = model.architecture.find("GptOss") != std::string::npos;
  return alternates && model.sliding_window > 0 ? model.layers / 2 : 0;
}

double kv_bytes_per_token(const model_facts& model, const mapping& layout) {
  const double bytes = format_bytes(model.kv_quant);
  if (model.is_mla || model.kv_lora_rank > 0) // the latent vector is one for all heads: a copy on every rank
    return static_cast<double>(model.layers) * (model.kv_lora_rank + model.qk_rope_head_dim) * bytes;
  const double heads = std::ceil(static_cast<double>(std::max(1, model.kv_heads)) / layout.tensor_parallel());
  return 2.0 * heads * model.head_dim * model.layers * bytes;
}

std::vector<weight_matrix> shard_matrices(const model_facts& model, const mapping& layout) {
  const double tp = layout.tensor_parallel();
  const double h = model.hidden;
  const double layers = model.layers;
  const double sparse = moe_layers(model);
  const std::string_view gemm = model.gemm_quant;
  const std::string_view moe = model.moe_quant.empty() ? gemm : std::string_view{model.moe_quant};
  std::vector<weight_matrix> all;
  auto add = [&](weight_use use, double outputs, double inputs, double count, std::string_view quant, double copies = 1) {
    if (outputs > 0 && inputs > 0 && count > 0 && copies > 0)
      all.push_back({use, outputs, inputs, count, copies, quant});
  };
  const auto dense = weight_use::every_token;
  if (model.is_mla || model.kv_lora_rank > 0) {
    const double heads = model.heads / tp;
    const double query = model.qk_nope_head_dim + model.qk_rope_head_dim;
    const double latent = model.kv_lora_rank + model.qk_rope_head_dim;
    add(dense, model.q_lora_rank + latent, h, layers, gemm); // down projections: a copy on every rank
    add(dense, heads * query, model.q_lora_rank > 0 ? model.q_lora_rank : h, layers, gemm);
    add(dense, heads * (model.qk_nope_head_dim + model.v_head_dim), model.kv_lora_rank, layers, gemm);
    add(dense, h, heads * model.v_head_dim, layers, gemm);
  } else {
    const double kv_heads = std::ceil(static_cast<double>(std::max(1, model.kv_heads)) / tp);
    add(dense, (model.heads / tp + 2 * kv_heads) * model.head_dim, h, layers, gemm);
    add(dense, h, model.heads / tp * model.head_dim, layers, gemm);
  }
  const double dense_layers = layers - sparse;
  add(dense, 2.0 * model.intermediate / tp, h, dense_layers, gemm);
  add(dense, h, model.intermediate / tp, dense_layers, gemm);
  if (sparse > 0) {
    const double expert_ranks = layout.expert_parallel();
    const double width = model.moe_intermediate / (layout.method == mapping_method::tp ? tp : 1.0);
    const double local = std::ceil(model.experts / expert_ranks);
    add(dense, model.experts, h, sparse, "bfloat16"); // router
    add(weight_use::expert, 2 * width, h, sparse, moe, local);
    add(weight_use::expert, h, width, sparse, moe, local);
    const double shared = model.shared_intermediate > 0 ? model.shared_intermediate
                                                        : static_cast<double>(model.shared_experts) * model.moe_intermediate;
    add(dense, 2 * shared / tp, h, sparse, gemm);
    add(dense, h, shared / tp, sparse, gemm);
  }
  add(weight_use::per_sequence, model.vocab / tp, h, 1, "bfloat16");
  if (!model.tied_embeddings)
    add(weight_use::lookup, model.vocab / tp, h, 1, "bfloat16");
  return all;
}

} // namespace sextant
