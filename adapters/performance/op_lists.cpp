// op_lists.cpp: Embedding, layers, output head and pipeline transfers of a forward pass.
#include "adapters/performance/op_lists.hpp"

#include <algorithm>

#include "adapters/performance/formats.hpp"
#include "adapters/performance/layers.hpp"
#include "adapters/performance/op_builder.hpp"

namespace sextant::performance {

op_builder::op_builder(const engine_spec& spec, bool is_prefill, std::vector<op>& out)
    : engine{spec}, model{spec.model}, prefill{is_prefill}, h{static_cast<double>(spec.model.hidden)},
      tp{std::max(1, spec.layout.tp)}, out_{out} {
}

op& op_builder::add(op_kind kind, std::string_view name) {
  op& x = out_.emplace_back();
  x.kind = kind;
  x.name = name;
  x.count = count_;
  x.layer_kind = kind_;
  return x;
}

op& op_builder::gemm(std::string_view name, double n, double k, std::string_view quant) {
  op& x = add(op_kind::gemm, name);
  x.n = static_cast<int64_t>(n);
  x.k = static_cast<int64_t>(k);
  x.quant = quant;
  x.weight_bytes = n * k * format_bytes(quant) * count_;
  return x;
}

op& op_builder::elementwise(std::string_view name, double in, double out) {
  op& x = add(op_kind::elementwise, name);
  x.n = static_cast<int64_t>(out);
  x.k = static_cast<int64_t>(in);
  return x;
}

op& op_builder::collective(op_kind kind, std::string_view name, int gpus, double elements) {
  op& x = add(kind, name);
  x.gpus = gpus;
  x.elements_per_token = elements;
  x.quant = "bfloat16";
  return x;
}

void op_builder::all_reduce(std::string_view name, double width) {
  if (tp > 1)
    collective(op_kind::all_reduce, name, tp, width);
}

std::string_view op_builder::dense_quant() const {
  return format_name(model.gemm_quant);
}

std::string_view op_builder::attention_quant() const {
  return model.attention_weight_quant.empty() ? dense_quant() : format_name(model.attention_weight_quant);
}

std::string_view op_builder::compute_quant() const {
  // vLLM computes attention in 16 bit even where the cache is FP8.
  return engine.backend == backend_kind::vllm ? "bfloat16" : format_name(model.attention_quant);
}

namespace {

std::string_view kind_label(const layer_group& group, std::size_t groups) {
  if (groups < 2)
    return {};
  switch (group.mixer) {
    case mixer_kind::gdn:
      return "gdn";
    case mixer_kind::kda:
      return "kda";
    case mixer_kind::mamba2:
      return "mamba2";
    case mixer_kind::none:
      return group.ffn == ffn_kind::experts ? "experts" : "dense";
    case mixer_kind::compressed:
      return group.compress_ratio == 0 ? "swa" : group.compress_ratio <= 4 ? "csa" : "hca";
    default:
      break;
  }
  if (group.window > 0)
    return group.ffn == ffn_kind::dense ? "swa_dense" : "swa";
  return group.ffn == ffn_kind::dense ? "global_dense" : "global";
}

std::vector<op> pass(const engine_spec& engine, bool prefill) {
  std::vector<op> ops;
  op_builder b{engine, prefill, ops};
  const auto& model = engine.model;
  const auto groups = layers_of(model);
  // Draft layers of speculative decoding cost as much as the model's own, spread over the steps.
  const double drafts = prefill || model.layers <= 0 ? 1 : 1.0 + static_cast<double>(engine.draft_tokens) / model.layers;
  b.layers(1, {});
  op& embedding = b.add(op_kind::embedding, "embedding");
  embedding.n = model.vocab / b.tp;
  embedding.k = model.hidden;
  embedding.quant = "bfloat16";
  embedding.weight_bytes = 2.0 * model.vocab / b.tp * b.h;
  b.all_reduce("embedding_ar", b.h);
  for (const auto& group : groups) {
    b.layers(group.count * drafts, kind_label(group, groups.size()));
    add_mixer(b, group);
    add_ffn(b, group);
  }
  b.layers(1, {});
  op& head = b.gemm("logits_gemm", static_cast<double>(model.vocab) / b.tp, b.h, "bfloat16");
  head.last_token_only = true;
  if (engine.layout.pp > 1) {
    op& transfer = b.collective(op_kind::p2p, "p2p", engine.layout.gpus(), b.h);
    transfer.count = engine.layout.pp - 1;
  }
  return ops;
}

} // namespace

op_lists list_ops(const engine_spec& engine) {
  return {pass(engine, true), pass(engine, false)};
}

double shard_weight_bytes(const engine_spec& engine) {
  double layers = 0, embedding = 0, head = 0;
  // The prompt pass has every weight once; of ops that stand for each other one branch holds it.
  for (const auto& x : list_ops(engine).prefill) {
    if (x.choice_group > 0 && x.branch == 0)
      continue;
    if (x.kind == op_kind::embedding)
      embedding += x.weight_bytes;
    else if (x.last_token_only)
      head += x.weight_bytes;
    else
      layers += x.weight_bytes;
  }
  const auto& model = engine.model;
  if (model.vision_layers > 0) {
    const double wide = model.vision_hidden;
    layers += 2.0 * model.vision_layers * wide * (4 * wide + 2.0 * model.vision_intermediate); // not sharded
  }
  const int stages = std::max(1, engine.layout.pp);
  if (stages > 1)
    return layers / stages + std::max(embedding, head);
  return layers + head + (model.tied_embeddings ? 0 : embedding);
}

parallel_layout layout_of(const mapping& m, bool is_moe) {
  parallel_layout layout;
  layout.tp = m.tensor_parallel();
  layout.dp = m.attention_data_parallel();
  if (is_moe) {
    layout.moe_ep = m.expert_parallel();
    layout.moe_tp = m.method == mapping_method::tp ? m.gpus : 1;
  }
  return layout;
}

} // namespace sextant::performance
