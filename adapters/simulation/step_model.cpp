// step_model.cpp: The roofline: every operation takes the longer of its arithmetic and its memory traffic, then
// communication, kernel launches and the back end's scheduler come on top. Efficiencies are fitted by hand to published
// latencies of Hopper nodes; the error band says how far to trust them.
#include "adapters/simulation/step_model.hpp"

#include <algorithm>
#include <cmath>

#include "adapters/simulation/model_shape.hpp"

namespace sextant {

namespace {

constexpr double weight_read_efficiency = 0.84;
constexpr double kv_read_efficiency = 0.72;
constexpr double attention_math_efficiency = 0.55;
constexpr double decode_math_efficiency = 0.35;
constexpr double expert_math_share = 0.8; ///< grouped products reach this share of a plain one's efficiency
constexpr double link_efficiency = 0.75;
constexpr double expert_imbalance = 0.25;   ///< excess load of the busiest of many expert ranks
constexpr int prefill_chunk_tokens = 32768; ///< tokens per step of a prefill engine and attention rank

/// Costs of a back end that do not follow from shape: seconds.
struct host_cost {
  double step = 0, sequence = 0, kernel = 0, eager_layer = 0;
};

host_cost host_of(backend_kind backend) {
  switch (backend) {
    case backend_kind::sglang:
      return {0.45e-3, 1.0e-6, 1.5e-6, 14e-6};
    case backend_kind::trtllm:
      return {0.30e-3, 0.8e-6, 1.3e-6, 10e-6};
    case backend_kind::vllm:
      break;
  }
  return {0.60e-3, 1.5e-6, 1.6e-6, 16e-6};
}

/// A product whose time is max(math * rows, fixed + traffic * rows) seconds.
struct linear_op {
  double math = 0, fixed = 0, traffic = 0;
  double seconds(double rows) const { return std::max(math * rows, fixed + traffic * rows); }
};

/// Routed experts of all layers: rows are (token, expert) pairs on the busiest rank.
struct expert_op {
  double math = 0, traffic = 0, one_expert = 0;
};

class roofline final : public step_model {
public:
  explicit roofline(const engine_shape& shape);

  double step_seconds(const step_batch& batch) const override;
  std::string tier() const override { return "roofline"; }
  double error_band() const override { return 0.3; }

private:
  void add_matrices(const engine_shape& shape);
  void add_attention(const engine_shape& shape);
  void add_communication(const engine_shape& shape);
  double experts(double tokens) const;
  double attention(const step_batch& batch) const;

  host_cost host_;
  double layers_ = 0, launches_ = 0;
  std::vector<linear_op> per_token_, per_sequence_;
  std::vector<expert_op> expert_ops_;
  double ranks_with_tokens_ = 1; ///< attention ranks whose tokens meet in the experts
  double local_experts_ = 0, experts_per_token_ = 0, expert_ranks_ = 1, imbalance_ = 1, spread_ = 0;
  double pair_seconds_ = 0; ///< one attended (query, key) pair of the prefill, all full layers
  double window_pair_seconds_ = 0;
  double decode_math_ = 0, decode_read_ = 0; ///< one context token of a decoding request, all full layers
  double window_math_ = 0, window_read_ = 0;
  double window_ = 0;
  double elementwise_ = 0; ///< one token, all layers
  double comm_fixed_ = 0, comm_token_ = 0;
};

roofline::roofline(const engine_shape& shape) : host_(host_of(shape.backend)), layers_(shape.model.layers) {
  add_matrices(shape);
  add_attention(shape);
  add_communication(shape);
  const auto& model = shape.model;
  const double kernels = 8 + (model.is_mla ? 8 : 0);
  launches_ = (kernels * layers_ + 8.0 * moe_layers(model)) * host_.kernel;
  // Two norms with residual, the activation, rotary embedding and the KV write: about 20 passes over the width.
  elementwise_ = 20.0 * model.hidden * 2 * layers_ / (shape.gpu.memory_bandwidth * 0.8);
}

void roofline::add_matrices(const engine_shape& shape) {
  const double read = shape.gpu.memory_bandwidth * weight_read_efficiency;
  for (const auto& m : shard_matrices(shape.model, shape.layout)) {
    const auto cost = cost_of_format(m.quant, shape.gpu);
    const double weights = m.outputs * m.inputs;
    const double math = 2 * weights * m.count / (cost.flops * cost.math_efficiency);
    const double traffic = (m.outputs + m.inputs) * 2 * m.count / read;
    const double stored = weights * cost.bytes * m.count / read;
    switch (m.use) {
      case weight_use::every_token:
        per_token_.push_back({math, stored, traffic});
        break;
      case weight_use::per_sequence:
        per_sequence_.push_back({math, stored, traffic});
        break;
      case weight_use::expert:
        expert_ops_.push_back({math / expert_math_share, traffic, stored});
        break;
      case weight_use::lookup:
        break;
    }
  }
  experts_per_token_ = shape.model.experts_per_token;
  expert_ranks_ = shape.layout.expert_parallel();
  local_experts_ = std::ceil(shape.model.experts / expert_ranks_);
  ranks_with_tokens_ = shape.layout.attention_data_parallel();
  imbalance_ = 1 + expert_imbalance * (1 - 1 / expert_ranks_);
  spread_ = 2 * std::log(expert_ranks_);
}

void roofline::add_attention(const engine_shape& shape) {
  const auto& model = shape.model;
  const bool latent = model.is_mla || model.kv_lora_rank > 0;
  const double heads = static_cast<double>(model.heads) / shape.layout.tensor_parallel();
  const double prefill_width =
      latent ? model.qk_nope_head_dim + model.qk_rope_head_dim + model.v_head_dim : 2.0 * model.head_dim;
  const double decode_width = latent ? 2.0 * model.kv_lora_rank + model.qk_rope_head_dim : 2.0 * model.head_dim;
  const auto prefill = cost_of_format(model.attention_quant, shape.gpu);
  const auto decode = cost_of_format(model.kv_quant, shape.gpu);
  const double windowed = windowed_layers(model);
  const double full = layers_ - windowed;
  const double pair = 2 * heads * prefill_width / (prefill.flops * attention_math_efficiency);
  const double key = 2 * heads * decode_width / (decode.flops * decode_math_efficiency);
  const double kv =
      kv_bytes_per_token(model, shape.layout) / std::max(1.0, layers_) / (shape.gpu.memory_bandwidth * kv_read_efficiency);
  pair_seconds_ = pair * full;
  window_pair_seconds_ = pair * windowed;
  decode_math_ = key * full;
  decode_read_ = kv * full;
  window_math_ = key * windowed;
  window_read_ = kv * windowed;
  window_ = model.sliding_window;
}

void roofline::add_communication(const engine_shape& shape) {
  const double n = shape.layout.gpus;
  if (n <= 1)
    return;
  const double per_node = std::min<double>(n, std::max(1, shape.gpu.gpus_per_node));
  const double nodes = std::ceil(n / per_node);
  const double inside = shape.gpu.intra_node_bandwidth * link_efficiency;
  const double between = std::max(1.0, shape.gpu.inter_node_bandwidth * link_efficiency);
  const bool switched = shape.gpu.intra_node_bandwidth > 100e9; // NVLink against PCIe
  const double latency = (switched ? 6e-6 : 18e-6) + 1e-6 * std::log2(n) + (nodes > 1 ? 25e-6 : 0);
  const double token_bytes = shape.model.hidden * 2.0;
  if (shape.layout.method == mapping_method::dep) {
    // All-gather before and reduce-scatter after the experts, each moving the tokens of every rank.
    const double moved = token_bytes * n;
    // Between nodes every GPU fetches its share of the remote tokens and passes it on inside the node.
    const double seconds = moved * (per_node - 1) / per_node / inside + moved / per_node * (nodes - 1) / nodes / between;
    const double times = 2.0 * moe_layers(shape.model);
    comm_fixed_ = times * latency;
    comm_token_ = times * seconds;
  } else {
    const double seconds =
        2 * token_bytes * (per_node - 1) / per_node / inside + 2 * token_bytes / per_node * (nodes - 1) / nodes / between;
    const double times = 2 * layers_ + 1;
    comm_fixed_ = times * latency;
    comm_token_ = times * seconds;
  }
}

double roofline::experts(double tokens) const {
  if (expert_ops_.empty() || tokens <= 0)
    return 0;
  // Pairs on the busiest rank: popular experts skew the mean, and few pairs fall unevenly like balls into bins.
  const double mean = tokens * ranks_with_tokens_ * experts_per_token_ / expert_ranks_;
  const double pairs = mean * imbalance_ + std::sqrt(mean * spread_);
  // Experts that at least one of these pairs is for, if tokens chose independently.
  const double touched = local_experts_ * (1 - std::exp(-pairs / local_experts_));
  double sum = 0;
  for (const auto& op : expert_ops_)
    sum += std::max(op.math * pairs, op.one_expert * touched + op.traffic * pairs);
  return sum;
}

double roofline::attention(const step_batch& batch) const {
  double sum = 0;
  if (batch.prefill_tokens > 0) {
    const auto tokens = static_cast<double>(batch.prefill_tokens);
    const double requests = static_cast<double>(std::max<int64_t>(1, batch.prefill_requests));
    const auto context = static_cast<double>(batch.prefill_context_tokens);
    const double pairs =
        batch.prefill_pairs > 0 ? batch.prefill_pairs : tokens * (context / requests + (tokens / requests + 1) / 2);
    // The cached part is read again, so is the new part, by every tile of queries; arithmetic hides most of it.
    sum += pairs * pair_seconds_ + context * decode_read_;
    if (window_pair_seconds_ > 0)
      sum += std::min(pairs, tokens * window_) * window_pair_seconds_;
  }
  if (batch.decode_requests > 0) {
    const auto keys = static_cast<double>(batch.decode_context_tokens);
    sum += keys * std::max(decode_math_, decode_read_);
    if (window_math_ > 0)
      sum += std::min(keys, static_cast<double>(batch.decode_requests) * window_) * std::max(window_math_, window_read_);
  }
  return sum;
}

double roofline::step_seconds(const step_batch& batch) const {
  const auto tokens = static_cast<double>(batch.prefill_tokens + batch.decode_requests);
  if (tokens <= 0)
    return host_.step;
  const auto sequences = static_cast<double>(batch.prefill_requests + batch.decode_requests);
  double sum = host_.step + host_.sequence * sequences + launches_;
  if (batch.prefill_tokens > 0)
    sum += host_.eager_layer * layers_; // prompts run without captured graphs
  for (const auto& op : per_token_)
    sum += op.seconds(tokens);
  for (const auto& op : per_sequence_)
    sum += op.seconds(sequences);
  sum += experts(tokens) + attention(batch) + elementwise_ * tokens;
  return sum + comm_fixed_ + comm_token_ * tokens;
}

} // namespace

std::shared_ptr<const step_model> make_roofline(const engine_shape& shape) {
  return std::make_shared<roofline>(shape);
}

double predicted_ttft_ms(const step_model& model, const mapping&, int isl) {
  double seconds = 0;
  for (int done = 0; done < isl; done += prefill_chunk_tokens) {
    step_batch batch;
    batch.prefill_requests = 1;
    batch.prefill_tokens = std::min(prefill_chunk_tokens, isl - done);
    batch.prefill_context_tokens = done;
    seconds += model.step_seconds(batch);
  }
  return seconds * 1000;
}

double predicted_itl_ms(const step_model& model, const mapping& layout, int concurrency, double context) {
  const int ranks = std::max(1, layout.attention_data_parallel());
  step_batch batch;
  batch.decode_requests = (std::max(1, concurrency) + ranks - 1) / ranks;
  batch.decode_context_tokens = std::llround(static_cast<double>(batch.decode_requests) * context);
  return model.step_seconds(batch) * 1000;
}

} // namespace sextant
