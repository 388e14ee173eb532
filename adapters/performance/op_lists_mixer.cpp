// op_lists_mixer.cpp: The attention half of a layer: grouped-query, latent, sparse, compressed, linear, state-space.
#include <algorithm>
#include <cmath>

#include "adapters/performance/formats.hpp"
#include "adapters/performance/layers.hpp"
#include "adapters/performance/op_builder.hpp"

namespace sextant::performance {

namespace {

/// Whether the sum after attention is an op of its own; before experts the dispatch stands for it.
bool reduces_itself(const op_builder& b, const layer_group& group) {
  return group.ffn != ffn_kind::experts || b.model.family == "QWEN35" || b.model.family == "KIMIK3";
}

double ceil_share(double whole, int ranks) {
  return std::ceil(whole / ranks);
}

op& attention_op(op_builder& b, const layer_group& group) {
  op& x = b.add(b.prefill ? op_kind::context_attention : op_kind::generation_attention, "attention");
  x.heads = static_cast<int>(ceil_share(group.heads, b.tp));
  x.kv_heads = static_cast<int>(ceil_share(group.kv_heads, b.tp));
  x.head_dim = group.head_dim;
  x.v_dim = group.v_head_dim;
  x.window = group.window;
  x.qk_norm = b.model.qk_norm;
  x.kv_quant = format_name(b.model.kv_quant);
  x.compute_quant = b.compute_quant();
  x.rows = b.prefill ? op_rows::prefill : op_rows::decode;
  return x;
}

void add_attention(op_builder& b, const layer_group& group) {
  const double heads = static_cast<double>(group.heads) / b.tp;
  const double kv_heads = ceil_share(group.kv_heads, b.tp);
  const double query = heads * group.head_dim * (b.model.output_gate ? 2 : 1);
  const double values = group.shared_kv ? 0 : kv_heads * group.v_head_dim;
  b.elementwise("add_norm_1", 2 * b.h, 2 * b.h);
  b.gemm("qkv_gemm", query + kv_heads * group.head_dim + values, b.h, b.attention_quant());
  attention_op(b, group);
  b.gemm("proj_gemm", b.h, heads * group.v_head_dim, b.attention_quant());
  if (reduces_itself(b, group))
    b.all_reduce("ar_1", b.h);
}

op& latent_op(op_builder& b, const layer_group& group, op_kind kind, std::string_view name) {
  op& x = b.add(kind, name);
  x.heads = static_cast<int>(ceil_share(group.heads, b.tp));
  x.native_heads = group.heads;
  x.q_lora = b.model.q_lora_rank;
  x.kv_lora = b.model.kv_lora_rank;
  x.nope_dim = b.model.qk_nope_head_dim;
  x.rope_dim = b.model.qk_rope_head_dim;
  x.v_dim = group.v_head_dim;
  x.kv_quant = format_name(b.model.kv_quant);
  x.compute_quant = b.compute_quant();
  x.quant = b.attention_quant();
  x.rows = b.prefill ? op_rows::prefill : op_rows::decode;
  return x;
}

/// The products and kernels of latent attention one by one.
void add_latent_parts(op_builder& b, const layer_group& group, int choice) {
  const auto& m = b.model;
  const auto quant = b.attention_quant();
  const double heads = static_cast<double>(group.heads) / b.tp;
  const double query = m.qk_nope_head_dim + m.qk_rope_head_dim;
  const double latent = m.kv_lora_rank + m.qk_rope_head_dim;
  const auto part = [&](op& x) {
    x.choice_group = choice;
    x.branch = choice > 0 ? 1 : 0;
  };
  part(b.gemm("downscale_gemm", m.q_lora_rank + latent, b.h, quant));
  part(b.gemm("q_b_proj_gemm", heads * query, m.q_lora_rank > 0 ? m.q_lora_rank : b.h, quant));
  if (b.prefill) {
    op& up = b.gemm("kv_b_proj_gemm", heads * (m.qk_nope_head_dim + group.v_head_dim), m.kv_lora_rank, quant);
    up.rows = op_rows::prefill;
    part(up);
    part(latent_op(b, group, op_kind::context_mla, "attention"));
  } else {
    const std::string_view absorbed = quant.starts_with("fp8") ? "fp8" : "bfloat16";
    for (const auto name : {std::string_view{"bmm_pre"}, std::string_view{"attention"}, std::string_view{"bmm_post"}}) {
      const bool is_bmm = name != "attention";
      op& x = latent_op(b, group, is_bmm ? op_kind::mla_bmm : op_kind::generation_mla, name);
      if (is_bmm)
        x.quant = absorbed;
      part(x);
    }
  }
  part(b.gemm("proj_gemm", b.h, heads * group.v_head_dim, quant));
}

void add_latent(op_builder& b, const layer_group& group) {
  b.elementwise("add_norm_1", 2 * b.h, 2 * b.h);
  const bool gated = b.model.family == "KIMIK3";
  // Whole blocks were measured only where all of attention has one weight format.
  const bool has_module = !gated && b.model.attention_weight_quant.empty();
  if (has_module) {
    op& x = latent_op(b, group, op_kind::module, "mla_module");
    x.table = b.prefill ? "mla_context_module" : "mla_generation_module";
    x.choice_group = group.ffn == ffn_kind::experts ? 1 : 2;
    x.hidden = b.model.hidden;
  }
  add_latent_parts(b, group, has_module ? (group.ffn == ffn_kind::experts ? 1 : 2) : 0);
  if (gated) {
    const double width = static_cast<double>(group.heads) / b.tp * group.v_head_dim;
    b.gemm("mla_gate_gemm", width, b.h, b.attention_quant());
    b.elementwise("mla_gate_mul", 2 * width, width);
  }
  if (reduces_itself(b, group))
    b.all_reduce("ar_1", b.h);
}

/// Whole block with an indexer that picks tokens (DSA).
void add_sparse_latent(op_builder& b, const layer_group& group) {
  const auto& m = b.model;
  b.elementwise("add_norm_1", 2 * b.h, 2 * b.h);
  op& x = latent_op(b, group, op_kind::module, "attention");
  x.table = b.prefill ? "dsa_context_module" : "dsa_generation_module";
  x.hidden = m.hidden;
  x.index_heads = m.index_heads;
  x.index_dim = m.index_head_dim;
  x.index_topk = m.index_topk;
  const double heads = static_cast<double>(group.heads) / b.tp;
  const double replicated = b.h * (m.q_lora_rank + m.kv_lora_rank + m.qk_rope_head_dim + m.index_head_dim)
                            + static_cast<double>(m.q_lora_rank) * m.index_heads * m.index_head_dim;
  const double split = m.q_lora_rank * heads * (m.qk_nope_head_dim + m.qk_rope_head_dim) + heads * group.v_head_dim * b.h
                       + heads * m.kv_lora_rank * (m.qk_nope_head_dim + group.v_head_dim);
  x.weight_bytes = ((replicated + split) * format_bytes(x.quant) + 2 * b.h * m.index_heads) * x.count;
  if (reduces_itself(b, group))
    b.all_reduce("ar_1", b.h);
}

/// Grouped-query attention over picked blocks (MSA).
void add_block_sparse(op_builder& b, const layer_group& group) {
  const auto& m = b.model;
  b.elementwise("add_norm_1", 2 * b.h, 2 * b.h);
  op& x = attention_op(b, group);
  x.kind = op_kind::module;
  x.table = b.prefill ? "msa_context_module" : "msa_generation_module";
  x.quant = b.attention_quant();
  x.hidden = m.hidden;
  x.native_heads = group.heads;
  x.index_heads = static_cast<int>(ceil_share(m.index_heads, b.tp));
  x.index_dim = m.index_head_dim;
  x.index_topk = m.index_topk;
  const double heads = static_cast<double>(group.heads) / b.tp;
  const double outputs = heads * (group.head_dim + group.v_head_dim) + x.kv_heads * (group.head_dim + group.v_head_dim)
                         + 2.0 * x.index_heads * m.index_head_dim;
  x.weight_bytes = b.h * outputs * format_bytes(x.quant) * x.count;
  if (reduces_itself(b, group))
    b.all_reduce("ar_1", b.h);
}

/// Hyper-connections: mixes the copies of the residual stream before and after a half layer.
void add_streams(op_builder& b, std::string_view name, bool holds_weights) {
  op& x = b.add(op_kind::module, name);
  x.table = "mhc_module";
  x.hidden = b.model.hidden;
  x.streams = b.model.residual_streams;
  x.iterations = b.model.mixing_iterations;
  x.quant = "bfloat16";
  const double mix = (2.0 + x.streams) * x.streams;
  x.weight_bytes = holds_weights ? 2 * 2 * (x.streams * b.h * mix + mix + 3) * x.count : 0; // two sites, 16 bit
}

/// Window plus compressed keys: CSA (ratio 4, with an indexer) and HCA (ratio 128).
void add_compressed(op_builder& b, const layer_group& group) {
  const auto& m = b.model;
  add_streams(b, "mhc_pre", true);
  b.elementwise("attn_norm", b.h, b.h);
  op& x = latent_op(b, group, op_kind::module, "attention");
  const bool picks = group.compress_ratio > 0 && group.compress_ratio <= 4;
  x.table = picks ? (b.prefill ? "dsv4_csa_context_module" : "dsv4_csa_generation_module")
                  : (b.prefill ? "dsv4_hca_context_module" : "dsv4_hca_generation_module");
  x.hidden = m.hidden;
  x.head_dim = group.head_dim;
  x.window = group.window;
  x.compress_ratio = group.compress_ratio;
  x.o_lora = m.o_lora_rank;
  x.o_groups = std::max(1, m.o_groups / b.tp);
  x.index_heads = picks ? m.index_heads : 0;
  x.index_dim = picks ? m.index_head_dim : 0;
  x.index_topk = picks ? m.index_topk : 0;
  const double bytes = format_bytes(x.quant);
  const double heads = static_cast<double>(group.heads) / b.tp, d = group.head_dim;
  double each = (b.h * m.q_lora_rank + m.q_lora_rank * heads * d + b.h * d + x.o_groups * m.o_lora_rank * b.h) * bytes
                + heads * d * m.o_lora_rank * 2 + heads * 4;
  if (group.compress_ratio > 0) {
    const double overlap = picks ? 2 : 1; // ratio 4 compresses overlapping pairs of blocks
    each += 2 * b.h * d * overlap * bytes + group.compress_ratio * d * overlap * 4;
    if (picks)
      each += (m.q_lora_rank * static_cast<double>(m.index_heads) * m.index_head_dim + 4 * b.h * m.index_head_dim) * bytes
              + 2 * b.h * m.index_heads + group.compress_ratio * 2.0 * m.index_head_dim * 4;
  }
  x.weight_bytes = each * x.count;
  add_streams(b, "mhc_post", false);
  if (reduces_itself(b, group))
    b.all_reduce("ar_1", b.h);
}

op& recurrent_op(op_builder& b, std::string_view name, std::string_view table, std::string_view prompts,
                 std::string_view steps) {
  op& x = b.add(op_kind::recurrent, name);
  const auto& m = b.model;
  x.table = table;
  x.kernel = b.prefill ? prompts : steps;
  x.hidden = m.hidden;
  x.heads = m.linear_value_heads / b.tp;
  x.native_heads = m.linear_value_heads;
  x.head_dim = m.linear_value_head_dim;
  x.key_heads = m.linear_key_heads / b.tp;
  x.key_dim = m.linear_key_head_dim;
  x.state = m.state_size;
  x.groups = m.state_groups;
  x.conv = m.conv_kernel;
  x.rows = b.prefill ? op_rows::prefill : op_rows::decode;
  return x;
}

void add_gdn(op_builder& b, const layer_group&) {
  const auto& m = b.model;
  const double keys = static_cast<double>(m.linear_key_heads) * m.linear_key_head_dim;
  const double values = static_cast<double>(m.linear_value_heads) * m.linear_value_head_dim;
  b.elementwise("norm", 2 * b.h, 2 * b.h);
  b.gemm("in_proj_gemm", (2 * keys + 2 * values) / b.tp, b.h, b.attention_quant());
  b.gemm("in_proj_ba_gemm", 2.0 * m.linear_value_heads / b.tp, b.h, b.attention_quant());
  recurrent_op(b, "conv1d", "gdn", "causal_conv1d_fn", "causal_conv1d_update");
  recurrent_op(b, b.prefill ? "scan" : "recurrence", "gdn", "chunk_gated_delta_rule",
               "fused_sigmoid_gating_delta_rule_update");
  b.gemm("out_proj_gemm", b.h, values / b.tp, b.attention_quant());
  b.all_reduce("ar_1", b.h);
}

void add_kda(op_builder& b, const layer_group&) {
  const auto& m = b.model;
  const auto quant = b.attention_quant();
  const double wide = static_cast<double>(m.linear_value_heads) * m.linear_value_head_dim / b.tp;
  b.elementwise("norm", 2 * b.h, 2 * b.h);
  b.gemm("qkvg_gemm", 4 * wide, b.h, quant);
  b.gemm("bfa_gemm", m.linear_value_heads + m.linear_value_head_dim, b.h, quant);
  b.gemm("fb_gemm", wide, m.linear_value_head_dim, quant);
  recurrent_op(b, "conv1d", "kda", "causal_conv1d_fn_qkv3", "causal_conv1d_update");
  recurrent_op(b, b.prefill ? "scan" : "recurrence", "kda", "chunk_kda", "fused_recurrent_kda_packed_decode");
  b.elementwise("onorm", 2 * wide, wide);
  b.gemm("out_proj_gemm", b.h, wide, quant);
  b.all_reduce("ar_1", b.h);
}

void add_mamba(op_builder& b, const layer_group&) {
  const auto& m = b.model;
  const double inner = static_cast<double>(m.linear_value_heads) * m.linear_value_head_dim;
  const double wide = 2 * inner + 2.0 * m.state_groups * m.state_size + m.linear_value_heads;
  b.elementwise("norm", 2 * b.h, 2 * b.h);
  b.gemm("in_proj_gemm", wide / b.tp, b.h, b.attention_quant());
  recurrent_op(b, "conv1d", "mamba2", "causal_conv1d_fn", "causal_conv1d_update");
  recurrent_op(b, "ssm", "mamba2", "mamba_chunk_scan_combined", "selective_state_update");
  b.gemm("out_proj_gemm", b.h, inner / b.tp, b.attention_quant());
  b.all_reduce("ar_1", b.h);
}

} // namespace

void add_mixer(op_builder& b, const layer_group& group) {
  switch (group.mixer) {
    case mixer_kind::attention:
      return add_attention(b, group);
    case mixer_kind::latent:
      return add_latent(b, group);
    case mixer_kind::sparse_latent:
      return add_sparse_latent(b, group);
    case mixer_kind::compressed:
      return add_compressed(b, group);
    case mixer_kind::block_sparse:
      return add_block_sparse(b, group);
    case mixer_kind::gdn:
      return add_gdn(b, group);
    case mixer_kind::kda:
      return add_kda(b, group);
    case mixer_kind::mamba2:
      return add_mamba(b, group);
    case mixer_kind::none:
      return;
  }
}

} // namespace sextant::performance
