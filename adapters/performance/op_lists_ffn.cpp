// op_lists_ffn.cpp: The feed-forward half of a layer: dense, routed experts with their communication, shared experts.
#include <algorithm>
#include <cmath>

#include "adapters/performance/formats.hpp"
#include "adapters/performance/op_builder.hpp"

namespace sextant::performance {

namespace {

constexpr int routed = 0, shared = 1; ///< branches that may run beside each other

std::string_view expert_quant(const op_builder& b) {
  const auto quant = b.model.moe_quant.empty() ? b.dense_quant() : format_name(b.model.moe_quant);
  // Blackwell multiplies MXFP4 by MXFP8 itself; before it activations stay in 16 bit.
  return quant == "w4a16_mxfp4" && b.engine.gpu.sm_version >= 100 ? std::string_view{"w4a8_mxfp4_mxfp8"} : quant;
}

void add_norm(op_builder& b) {
  // With hyper-connections the residual is added elsewhere.
  const double passes = b.model.residual_streams > 0 ? 1 : 2;
  b.elementwise("add_norm_2", passes * b.h, passes * b.h);
}

void add_dense(op_builder& b, const layer_group& group) {
  const double width = static_cast<double>(group.intermediate) / b.tp;
  const double inputs = b.model.gated_ffn ? 2 * width : width;
  add_norm(b);
  b.gemm("gate_ffn1_gemm", inputs, b.h, b.dense_quant());
  b.elementwise("act_gate", inputs, width);
  b.gemm("ffn2_gemm", b.h, width, b.dense_quant());
  b.all_reduce("ar_2", b.h);
}

/// Elements that a token costs when ranks exchange quantised activations.
double exchanged_width(const op_builder& b, double width) {
  if (b.engine.backend != backend_kind::trtllm || b.engine.gpu.sm_version < 100)
    return width;
  const auto quant = expert_quant(b);
  if (quant.starts_with("nvfp4"))
    return width / 4 + width / 32;
  return quant.starts_with("fp8") ? width / 2 : width;
}

/// Communication before (`pre`) or after the experts. With tensor parallel attention the one before is attention's sum.
void add_dispatch(op_builder& b, double width, bool pre) {
  const auto& layout = b.engine.layout;
  const int gpus = std::max(1, layout.moe_tp) * std::max(1, layout.moe_ep);
  const std::string_view name = pre ? "moe_pre_dispatch" : "moe_post_dispatch";
  if (gpus <= 1)
    return;
  if (layout.dp <= 1) {
    b.collective(op_kind::all_reduce, name, gpus, width);
    return;
  }
  const bool rack = b.engine.gpu.gpus_per_rack > 0 && b.engine.gpu.sm_version >= 100 && layout.moe_tp <= 1
                    && b.engine.backend == backend_kind::trtllm && layout.tp <= 1;
  if (rack) {
    const double copies = std::min({b.model.experts_per_token, std::max(1, layout.moe_ep - 1)});
    op& x = b.collective(op_kind::all_to_all, name, gpus, (pre ? exchanged_width(b, width) : width) * copies);
    x.hidden = static_cast<int>(width);
    x.topk = b.model.experts_per_token;
    x.experts = b.model.experts;
    x.moe_ep = layout.moe_ep;
    x.quant = expert_quant(b);
    return;
  }
  if (layout.tp > 1) // the ranks of one attention group hold sums of the same tokens
    b.collective(pre ? op_kind::reduce_scatter : op_kind::all_gather, name, layout.tp, width);
  if (pre)
    b.collective(op_kind::all_gather, name, gpus, exchanged_width(b, width) * layout.dp);
  else
    b.collective(op_kind::reduce_scatter, name, gpus, width * layout.dp);
}

void add_experts_op(op_builder& b, double width) {
  const auto& m = b.model;
  const auto& layout = b.engine.layout;
  op& x = b.add(op_kind::moe, "moe");
  x.hidden = static_cast<int>(width);
  x.inter = m.moe_intermediate;
  x.topk = m.experts_per_token;
  x.experts = m.experts;
  x.moe_tp = std::max(1, layout.moe_tp);
  x.moe_ep = std::max(1, layout.moe_ep);
  x.dp = std::max(1, layout.dp);
  x.quant = expert_quant(b);
  x.gated = m.gated_ffn;
  const double local = std::ceil(static_cast<double>(m.experts) / x.moe_ep);
  x.weight_bytes = width * m.moe_intermediate * local * format_bytes(x.quant) * (x.gated ? 3 : 2) / x.moe_tp * x.count;
}

void add_shared(op_builder& b, int group) {
  const double width = b.model.shared_intermediate / static_cast<double>(b.tp);
  if (width <= 0)
    return;
  const double inputs = b.model.gated_ffn ? 2 * width : width;
  const auto beside = [&](op& x) {
    x.overlap_group = group;
    x.branch = shared;
  };
  beside(b.gemm("shared_gate_up_gemm", inputs, b.h, b.dense_quant()));
  beside(b.elementwise("shared_act_gate", inputs, width));
  beside(b.gemm("shared_ffn2_gemm", b.h, width, b.dense_quant()));
}

void add_experts(op_builder& b, const layer_group& layer, std::vector<op>& ops) {
  const auto& m = b.model;
  const auto first = ops.size();
  add_norm(b);
  const bool merges = m.family == "QWEN35";
  const bool sums_itself = merges || m.family == "KIMIK3"; // attention's sum is an op of its own
  const bool latent = m.moe_hidden > 0 && m.moe_hidden != m.hidden;
  const bool sharded_latent = latent && m.family == "NEMOTRONH";
  const double width = latent ? m.moe_hidden : m.hidden;
  const auto start = ops.size();
  b.gemm("router_gemm", m.experts, b.h, "bfloat16");
  if (latent)
    b.gemm("latent_down_gemm", sharded_latent ? width / b.tp : width, b.h, b.attention_quant());
  if (latent && !sharded_latent)
    b.elementwise("latent_norm", 2 * width, 2 * width);
  // Only ranks with batches of their own still have to gather tokens where attention's sum is an op of its own.
  const bool attention_elsewhere = sums_itself || (layer.mixer == mixer_kind::none && !sharded_latent);
  if (b.engine.layout.dp > 1 || !attention_elsewhere)
    add_dispatch(b, width, true);
  add_experts_op(b, width);
  add_dispatch(b, width, false);
  if (latent)
    b.gemm("latent_up_gemm", b.h, sharded_latent ? width / b.tp : width, b.attention_quant());
  // While decoding, the shared experts run on a stream of their own.
  const int overlap = b.prefill || m.shared_intermediate <= 0 ? 0 : static_cast<int>(first) + 1;
  for (auto i = start; i < ops.size(); ++i) {
    ops[i].overlap_group = overlap;
    ops[i].branch = routed;
  }
  add_shared(b, overlap);
  if (merges && m.shared_intermediate > 0)
    b.elementwise("shared_merge", 3 * b.h, b.h);
  if (sharded_latent)
    b.all_reduce("moe_ar", b.h);
}

} // namespace

void add_ffn(op_builder& b, const layer_group& group) {
  if (b.model.residual_streams == 0 && b.model.family == "KIMIK3") // residuals of earlier blocks join both halves
    b.elementwise("attn_res", 4 * b.h, 2 * b.h).count *= 2;
  switch (group.ffn) {
    case ffn_kind::dense:
      return add_dense(b, group);
    case ffn_kind::experts:
      return add_experts(b, group, b.ops());
    case ffn_kind::none:
      return;
  }
}

} // namespace sextant::performance
