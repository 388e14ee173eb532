// floors.cpp: The least time that an op can take, from peaks alone. Formulas of the performance reference, section 2.1, with
// activations in their own width and windows ramping up.
#include <algorithm>
#include <cmath>

#include "adapters/aic/resolve.hpp"
#include "adapters/performance/formats.hpp"
#include "adapters/performance/roofline_timer.hpp"

namespace sextant::performance {

namespace {

double bytes_of_input(std::string_view quant) {
  return is_weight_only(quant) ? 2 : format_bytes(quant);
}

double product_floor(const op& x, const gpu_facts& gpu, double rows) {
  const auto n = static_cast<double>(x.n), k = static_cast<double>(x.k);
  const double bytes = n * k * format_bytes(x.quant) + rows * (k * bytes_of_input(x.quant) + n * 2);
  return std::max(2 * rows * n * k / format_flops(x.quant, gpu), bytes / gpu.memory_bandwidth);
}

double attention_floor(const op& x, const gpu_facts& gpu, const op_load& load) {
  const double width = x.head_dim + (x.v_dim > 0 ? x.v_dim : x.head_dim);
  const bool prompts = x.kind == op_kind::context_attention;
  const double keys = x.window > 0 ? std::min<double>(load.decode_context, x.window) : load.decode_context;
  const double pairs = prompts ? attended_pairs(load, x.window) : load.decode_requests * keys;
  const double cached = prompts ? load.prefill_tokens : load.decode_requests * keys;
  const double bytes = cached * x.kv_heads * width * format_bytes(x.kv_quant) + load.tokens * x.heads * width * 2;
  // Tables give the format of the cache; kernels may compute in it even where engines are told otherwise.
  const double flops = std::max(format_flops(x.compute_quant, gpu), format_flops(x.kv_quant, gpu));
  return std::max(2 * x.heads * pairs * width / flops, bytes / gpu.memory_bandwidth);
}

double latent_floor(const op& x, const gpu_facts& gpu, const op_load& load) {
  const double bytes = load.decode_requests * load.decode_context * (x.kv_lora + x.rope_dim) * format_bytes(x.kv_quant);
  const double flop = 2 * load.decode_requests * load.decode_context * x.heads * (2.0 * x.kv_lora + x.rope_dim);
  const double flops = std::max(format_flops(x.compute_quant, gpu), format_flops(x.kv_quant, gpu));
  return std::max(flop / flops, bytes / gpu.memory_bandwidth);
}

double experts_floor(const op& x, const gpu_facts& gpu, double rows) {
  const double matrices = x.gated ? 3 : 2;
  const double weights = static_cast<double>(x.hidden) * x.inter / x.moe_tp * matrices;
  // The mean rank has this many pairs and the busiest no fewer; one row alone touches `topk` experts somewhere.
  const double pairs = rows * x.topk / x.moe_ep;
  const double touched = std::min<double>(x.topk, static_cast<double>(x.experts) / x.moe_ep) / x.moe_ep;
  return std::max(2 * pairs * weights / format_flops(x.quant, gpu),
                  std::min(1.0, touched) * weights * format_bytes(x.quant) / gpu.memory_bandwidth);
}

} // namespace

double physical_floor(const op& x, const engine_spec& engine, double a, double b) {
  const auto& gpu = engine.gpu;
  switch (x.kind) {
    case op_kind::gemm:
      return product_floor(x, gpu, b);
    case op_kind::context_attention:
      return attention_floor(x, gpu, load_at(surface_sizes::prompts, x, a, b));
    case op_kind::generation_attention:
      return attention_floor(x, gpu, load_at(surface_sizes::decodes, x, a, b));
    case op_kind::generation_mla:
      return latent_floor(x, gpu, load_at(surface_sizes::decodes, x, a, b));
    case op_kind::moe:
      return experts_floor(x, gpu, b);
    default:
      return 0;
  }
}

op_load load_at(surface_sizes sizes, const op& x, double a, double b) {
  op_load load;
  switch (sizes) {
    case surface_sizes::rows:
      load.tokens = load.sequences = b;
      load.decode_requests = b;
      break;
    case surface_sizes::elements:
      load.tokens = b / std::max(1.0, x.elements_per_token);
      break;
    case surface_sizes::expert_rows:
      load.tokens = b / std::max(1, x.dp);
      break;
    case surface_sizes::prompts:
      load.tokens = load.prefill_tokens = a * b;
      load.prefill_requests = load.sequences = a;
      break;
    case surface_sizes::decodes:
      load.tokens = load.sequences = load.decode_requests = a;
      load.decode_context = b;
      break;
    case surface_sizes::decode_requests:
      load.tokens = load.sequences = load.decode_requests = b;
      break;
  }
  return load;
}

} // namespace sextant::performance
