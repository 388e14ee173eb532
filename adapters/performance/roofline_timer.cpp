// roofline_timer.cpp: Formulas of the performance reference, section 2.1, without the defects of its section 11: activations
// count in their own width, windows ramp up, states are read and written, experts are touched at random.
#include "adapters/performance/roofline_timer.hpp"

#include <algorithm>
#include <cmath>

#include "adapters/performance/formats.hpp"
#include "adapters/performance/smooth_max.hpp"

namespace sextant::performance {

kernel_rates rates_of(const gpu_facts& gpu) {
  kernel_rates rates;
  if (gpu.sm_version >= 100 && gpu.sm_version < 120) {
    rates.gemm_share_16 = 0.72;
    rates.gemm_share_8 = 0.60;
    rates.attention_share = 0.50;
    rates.link_latency_s = 7.0e-6;
  } else if (gpu.sm_version < 90 || gpu.sm_version >= 120) {
    rates.gemm_share_16 = 0.75;
    rates.attention_share = 0.60;
  }
  if (gpu.intra_node_bandwidth < 100e9)
    rates.link_latency_s = 18e-6; // PCIe
  return rates;
}

double attended_pairs(const op_load& load, int window) {
  if (load.prefill_tokens <= 0)
    return 0;
  const double requests = std::max(1.0, load.prefill_requests);
  const double fresh = load.prefill_tokens / requests, cached = load.prefill_context / requests;
  const double full = fresh * (cached + (fresh + 1) / 2);
  if (window <= 0 || cached + fresh <= window)
    return requests * full;
  // Queries before the window is full see all that came before them.
  const double ramp = std::clamp(window - cached, 0.0, fresh);
  return requests * (ramp * (cached + (ramp + 1) / 2) + (fresh - ramp) * window);
}

expert_load busiest_expert_rank(double tokens, int topk, int experts, int expert_ranks, double imbalance) {
  const double ranks = std::max(1, expert_ranks);
  const double local = std::ceil(std::max(1, experts) / ranks);
  // Popular experts skew the mean, and few pairs fall unevenly like balls into bins.
  const double mean = tokens * topk / ranks;
  expert_load load;
  load.pairs = mean * (1 + imbalance * (1 - 1 / ranks)) + std::sqrt(mean * 2 * std::log(ranks));
  load.pairs = std::min(load.pairs, tokens * std::min<double>(topk, local));
  // A token goes to `topk` different experts.
  const double share = std::min(1.0, topk / static_cast<double>(std::max(1, experts)));
  const double effective = tokens * (mean > 0 ? load.pairs / mean : 1);
  load.touched = share >= 1 ? local : local * -std::expm1(effective * std::log1p(-share));
  return load;
}

namespace {

class roofline_timer final : public op_timer {
public:
  roofline_timer(const engine_spec& engine, const kernel_rates& rates)
      : gpu_{engine.gpu}, rates_{rates}, read_{gpu_.memory_bandwidth * rates.read_share} {}

  op_time time(const op& x, const op_load& load) const override { return {seconds(x, load), time_tier::fitted, -1, 0.3F}; }
  std::string source(int) const override { return "formulas for " + gpu_.name; }

private:
  double seconds(const op& x, const op_load& load) const;
  double math_rate(std::string_view quant, double rows) const;
  double product(double rows, double n, double k, std::string_view quant) const;
  double passes(double bytes) const { return rates_.elementwise_s + bytes / read_; }
  double prompt_attention(const op& x, const op_load& load) const;
  double step_attention(const op& x, const op_load& load) const;
  double latent_prompt(const op& x, const op_load& load, double pairs) const;
  double latent_step(const op& x, const op_load& load, double keys) const;
  double experts(const op& x, const op_load& load) const;
  double collective(const op& x, const op_load& load) const;
  double module(const op& x, const op_load& load) const;
  double sparse_latent(const op& x, const op_load& load) const;
  double block_sparse(const op& x, const op_load& load) const;
  double compressed(const op& x, const op_load& load) const;
  double streams(const op& x, const op_load& load) const;
  double recurrent(const op& x, const op_load& load) const;
  double attention_rate(std::string_view quant, double share) const { return format_flops(quant, gpu_) * share; }

  gpu_facts gpu_;
  kernel_rates rates_;
  double read_;
};

double roofline_timer::math_rate(std::string_view quant, double rows) const {
  const double bytes = is_weight_only(quant) ? 2 : format_bytes(quant);
  const double share = bytes >= 2 ? rates_.gemm_share_16 : bytes >= 1 ? rates_.gemm_share_8 : rates_.gemm_share_4;
  return format_flops(quant, gpu_) * share * rows / (rows + rates_.ramp_rows);
}

double roofline_timer::product(double rows, double n, double k, std::string_view quant) const {
  if (rows <= 0)
    return 0;
  const double inputs = is_weight_only(quant) ? 2 : std::max(1.0, format_bytes(quant));
  const double traffic = n * k * format_bytes(quant) + rows * (k * inputs + n * 2);
  // Formats with dynamic scales pass over the activations once more.
  const double quantise = inputs < 2 ? rates_.quantise_s + rows * k * 3 / read_ : 0;
  return rates_.launch_s + quantise + smooth_max(2 * rows * n * k / math_rate(quant, rows), traffic / read_);
}

double roofline_timer::prompt_attention(const op& x, const op_load& load) const {
  const double v = x.v_dim > 0 ? x.v_dim : x.head_dim;
  const double flop = 2 * x.heads * attended_pairs(load, x.window) * (x.head_dim + v);
  const double queries = load.prefill_tokens * x.heads * (x.head_dim + v) * 2;
  const double keys =
      (load.prefill_tokens + load.prefill_context) * x.kv_heads * (x.head_dim + v) * format_bytes(x.kv_quant);
  // Rotary embedding and the write to the cache are passes of their own; so is the norm of queries and keys.
  const double passes_over = load.prefill_tokens * (x.heads + 2.0 * x.kv_heads) * x.head_dim * 2 * (x.qk_norm ? 4 : 2);
  return 2 * rates_.launch_s + passes_over / read_
         + smooth_max(flop / attention_rate(x.compute_quant, rates_.attention_share), (queries + keys) / read_);
}

double roofline_timer::step_attention(const op& x, const op_load& load) const {
  const double v = x.v_dim > 0 ? x.v_dim : x.head_dim;
  const double keys = x.window > 0 ? std::min<double>(load.decode_context, x.window) : load.decode_context;
  const double flop = 2 * load.decode_requests * x.heads * keys * (x.head_dim + v);
  const double bytes =
      load.decode_requests
      * (keys * x.kv_heads * (x.head_dim + v) * format_bytes(x.kv_quant) + 4.0 * x.heads * (x.head_dim + v));
  return 2 * rates_.launch_s
         + smooth_max(flop / attention_rate(x.compute_quant, rates_.decode_math_share),
                      bytes / (gpu_.memory_bandwidth * rates_.cache_read_share));
}

double roofline_timer::latent_prompt(const op& x, const op_load& load, double pairs) const {
  const double width = x.nope_dim + x.rope_dim + x.v_dim;
  const double flop = 2 * x.heads * pairs * width;
  const double tokens = load.prefill_tokens + load.prefill_context;
  const double bytes = load.prefill_tokens * x.heads * width * 2 + tokens * x.heads * width * 2.0;
  // What is in the cache is projected up again for every chunk that reads it.
  const double up =
      2 * load.prefill_context * x.kv_lora * x.heads * (x.nope_dim + x.v_dim) / (gpu_.bf16_flops * rates_.gemm_share_16);
  return 2 * rates_.launch_s + up
         + smooth_max(flop / attention_rate(x.compute_quant, rates_.attention_share), bytes / read_);
}

double roofline_timer::latent_step(const op& x, const op_load& load, double keys) const {
  const double flop = 2 * load.decode_requests * x.heads * keys * (2.0 * x.kv_lora + x.rope_dim);
  const double bytes =
      load.decode_requests
      * (keys * (x.kv_lora + x.rope_dim) * format_bytes(x.kv_quant) + x.heads * (2.0 * x.kv_lora + x.rope_dim) * 2);
  return 2 * rates_.launch_s
         + smooth_max(flop / attention_rate(x.compute_quant, rates_.decode_math_share),
                      bytes / (gpu_.memory_bandwidth * rates_.cache_read_share));
}

double roofline_timer::experts(const op& x, const op_load& load) const {
  const double tokens = load.tokens * std::max(1, x.dp);
  if (tokens <= 0)
    return 0;
  const auto busiest = busiest_expert_rank(tokens, x.topk, x.experts, x.moe_ep, rates_.expert_imbalance);
  const double matrices = x.gated ? 3 : 2;
  const double inter = static_cast<double>(x.inter) / x.moe_tp;
  const double flop = 2 * busiest.pairs * x.hidden * inter * matrices;
  const double rows = busiest.pairs / std::max(1.0, busiest.touched);
  const double weights = busiest.touched * x.hidden * inter * matrices * format_bytes(x.quant);
  const double activations = busiest.pairs * (2.0 * x.hidden + 2 * inter) * 2;
  const double quantise = is_weight_only(x.quant) || format_bytes(x.quant) >= 2 ? 0 : 2 * rates_.quantise_s;
  const double read = gpu_.memory_bandwidth * rates_.expert_read_share;
  return 4 * rates_.launch_s + quantise
         + smooth_max(flop / (math_rate(x.quant, rows) * rates_.expert_share), (weights + activations) / read);
}

double roofline_timer::collective(const op& x, const op_load& load) const {
  const double n = x.gpus;
  const double bytes = load.tokens * x.elements_per_token * (x.kind == op_kind::all_to_all ? 1 : 2);
  if (n <= 1)
    return 0;
  const double domain = std::max({1, gpu_.gpus_per_node, gpu_.gpus_per_rack});
  const double inside_gpus = std::min(n, domain), nodes = std::ceil(n / domain);
  const double inside = gpu_.intra_node_bandwidth * rates_.link_share;
  const double slow = gpu_.gpus_per_rack > 0 ? gpu_.inter_rack_bandwidth : gpu_.inter_node_bandwidth;
  const double between = std::max(1.0, slow * rates_.link_share);
  if (x.kind == op_kind::p2p)
    return gpu_.link_latency_s + bytes / (nodes > 1 ? between : inside);
  const double rounds = x.kind == op_kind::all_reduce ? 2 : 1;
  const double latency =
      rates_.link_latency_s + 1e-6 * std::log2(n) * rounds + (nodes > 1 ? rounds * rates_.node_latency_s : 0);
  // Between nodes every GPU moves its share of the data and passes it on inside the node.
  return latency + rounds * bytes * (inside_gpus - 1) / inside_gpus / inside
         + rounds * bytes / inside_gpus * (nodes - 1) / nodes / between;
}

double roofline_timer::sparse_latent(const op& x, const op_load& load) const {
  const bool prompts = x.rows == op_rows::prefill;
  const double rows = load.tokens;
  const double heads = x.heads, latent = x.kv_lora + x.rope_dim;
  double sum = product(rows, x.q_lora + latent + x.index_dim, x.hidden, x.quant);
  sum += product(rows, heads * (x.nope_dim + x.rope_dim), x.q_lora, x.quant);
  sum += product(rows, x.index_heads * static_cast<double>(x.index_dim), x.q_lora, x.quant);
  sum += product(rows, x.hidden, heads * x.v_dim, x.quant);
  sum += product(rows, heads * (x.nope_dim + x.v_dim), x.kv_lora, "bfloat16"); // absorbed into queries and outputs
  const double requests = prompts ? std::max(1.0, load.prefill_requests) : load.decode_requests;
  const double keys = prompts ? (load.prefill_context + load.prefill_tokens) / requests : load.decode_context;
  const double all_pairs = prompts ? attended_pairs(load, 0) : load.decode_requests * keys;
  const double picked =
      prompts ? attended_pairs(load, x.index_topk) : load.decode_requests * std::min<double>(keys, x.index_topk);
  if (keys > x.index_topk) {
    const double flop = 2 * all_pairs * x.index_heads * x.index_dim;
    const double bytes = requests * keys * (x.index_dim + 4.0);
    sum += 2 * rates_.launch_s + smooth_max(flop / (format_flops("fp8", gpu_) * rates_.attention_share), bytes / read_);
  }
  const double flop = 2 * heads * picked * (2.0 * x.kv_lora + x.rope_dim);
  const double bytes = prompts ? rows * heads * latent * 4 : picked * latent * format_bytes(x.kv_quant);
  const double share = prompts ? rates_.attention_share : rates_.decode_math_share;
  return sum + 2 * rates_.launch_s
         + smooth_max(flop / attention_rate("bfloat16", share), bytes / (gpu_.memory_bandwidth * rates_.cache_read_share));
}

double roofline_timer::block_sparse(const op& x, const op_load& load) const {
  const bool prompts = x.rows == op_rows::prefill;
  op seen = x; // attention proper over what the indexer picks
  seen.window = x.index_topk;
  const double indexer = x.index_heads * static_cast<double>(x.index_dim);
  double sum = product(load.tokens, (x.heads + 2.0 * x.kv_heads) * x.head_dim + 2 * indexer, x.hidden, x.quant);
  sum += product(load.tokens, x.hidden, x.heads * static_cast<double>(x.head_dim), x.quant);
  constexpr double block_tokens = 128;
  const double pairs = prompts ? attended_pairs(load, 0) : load.decode_requests * load.decode_context;
  sum += rates_.launch_s + 2 * pairs / block_tokens * indexer / attention_rate("bfloat16", rates_.decode_math_share);
  return sum + (prompts ? prompt_attention(seen, load) : step_attention(seen, load));
}

double roofline_timer::compressed(const op& x, const op_load& load) const {
  const bool prompts = x.rows == op_rows::prefill;
  const double heads = x.heads, d = x.head_dim, rows = load.tokens;
  double sum = product(rows, x.q_lora + d, x.hidden, x.quant);
  sum += product(rows, heads * d, x.q_lora, x.quant);
  sum += product(rows, x.o_groups * static_cast<double>(x.o_lora), heads * d / std::max(1, x.o_groups), "bfloat16");
  sum += product(rows, x.hidden, x.o_groups * static_cast<double>(x.o_lora), x.quant);
  const double requests = prompts ? std::max(1.0, load.prefill_requests) : load.decode_requests;
  const double keys = prompts ? (load.prefill_context + load.prefill_tokens) / requests : load.decode_context;
  const double all_pairs = prompts ? attended_pairs(load, 0) : load.decode_requests * keys;
  double pairs = prompts ? attended_pairs(load, x.window) : load.decode_requests * std::min<double>(keys, x.window);
  if (x.compress_ratio > 0) {
    const bool picks = x.index_topk > 0;
    sum += product(rows, 2 * d * (picks ? 2 : 1), x.hidden, x.quant); // the compressor
    const double far = all_pairs / x.compress_ratio;
    const double most = prompts ? rows * x.index_topk : load.decode_requests * x.index_topk;
    pairs += picks ? std::min(far, most) : far;
    if (picks) {
      sum += product(rows, x.index_heads * static_cast<double>(x.index_dim), x.q_lora, x.quant);
      const double flop = 2 * far * x.index_heads * x.index_dim;
      const double bytes = requests * keys / x.compress_ratio * x.index_dim * 0.5;
      sum += 2 * rates_.launch_s + smooth_max(flop / (format_flops("fp8", gpu_) * rates_.attention_share), bytes / read_);
    }
  }
  const double flop = 4 * heads * pairs * d;
  const double bytes = (prompts ? requests * keys : pairs) * d * format_bytes(x.kv_quant) + rows * heads * d * 4;
  const double share = prompts ? rates_.attention_share : rates_.decode_math_share;
  return sum + 2 * rates_.launch_s
         + smooth_max(flop / attention_rate("bfloat16", share), bytes / (gpu_.memory_bandwidth * rates_.cache_read_share));
}

double roofline_timer::streams(const op& x, const op_load& load) const {
  // Two sites per layer: read and write all copies of the stream; the mixing matrix is small.
  const double width = static_cast<double>(x.streams) * x.hidden;
  const double mix = (2.0 + x.streams) * x.streams;
  const double flop = 2 * 2 * load.tokens * width * mix;
  return 2 * rates_.elementwise_s
         + smooth_max(flop / (gpu_.bf16_flops * 0.1), (2 * 2 * load.tokens * width * 2 + width * mix * 2) / read_);
}

double roofline_timer::module(const op& x, const op_load& load) const {
  if (x.table.starts_with("dsa"))
    return sparse_latent(x, load);
  if (x.table.starts_with("msa"))
    return block_sparse(x, load);
  if (x.table.starts_with("dsv4"))
    return compressed(x, load);
  if (x.table.starts_with("mhc"))
    return streams(x, load);
  const auto heads = static_cast<double>(x.heads); // whole block of latent attention
  double sum = product(load.tokens, x.q_lora + x.kv_lora + x.rope_dim, x.hidden, x.quant);
  sum += product(load.tokens, heads * (x.nope_dim + x.rope_dim), x.q_lora > 0 ? x.q_lora : x.hidden, x.quant);
  sum += product(load.tokens, heads * (x.nope_dim + x.v_dim), x.kv_lora, x.quant);
  sum += product(load.tokens, x.hidden, heads * x.v_dim, x.quant);
  return sum
         + (x.rows == op_rows::prefill ? latent_prompt(x, load, attended_pairs(load, 0))
                                       : latent_step(x, load, load.decode_context));
}

double roofline_timer::recurrent(const op& x, const op_load& load) const {
  const bool prompts = x.rows == op_rows::prefill;
  const double rows = load.tokens;
  const double requests = prompts ? std::max(1.0, load.prefill_requests) : load.decode_requests;
  const double values = static_cast<double>(x.heads) * x.head_dim;
  const double keys = x.table == "mamba2" ? static_cast<double>(x.groups) * x.state
                      : x.table == "kda"  ? values
                                          : static_cast<double>(x.key_heads) * x.key_dim;
  const double channels = values + 2 * keys;
  if (x.name == "conv1d")
    return passes(rows * channels * (x.conv + 1) * 2 + rows * channels * 2);
  const double state = values * (x.table == "mamba2" ? x.state : x.key_dim) * 4; // 32 bit
  constexpr double chunk = 64;
  const double states = prompts ? requests * 2 + rows / chunk : requests * 2;
  const double bytes = rows * (channels + values) * 2 + states * state;
  const double flop = prompts ? 2 * rows * (state / 4 * 2 + chunk * channels) : 4 * rows * state / 4;
  return 2 * rates_.launch_s + smooth_max(flop / (gpu_.bf16_flops * 0.25), bytes / read_);
}

double roofline_timer::seconds(const op& x, const op_load& load) const {
  switch (x.kind) {
    case op_kind::gemm:
      return product(x.last_token_only ? load.sequences : load.tokens, static_cast<double>(x.n), static_cast<double>(x.k),
                     x.quant);
    case op_kind::embedding:
      return passes(load.tokens * static_cast<double>(x.k) * 4);
    case op_kind::elementwise:
      return passes(load.tokens * static_cast<double>(x.n + x.k) * 2);
    case op_kind::context_attention:
      return prompt_attention(x, load);
    case op_kind::generation_attention:
      return step_attention(x, load);
    case op_kind::context_mla:
      return latent_prompt(x, load, attended_pairs(load, 0));
    case op_kind::generation_mla:
      return latent_step(x, load, load.decode_context);
    case op_kind::mla_bmm: {
      const double width = x.name == "bmm_post" ? x.v_dim : x.nope_dim;
      const double flop = 2 * load.tokens * x.heads * width * x.kv_lora;
      const double bytes = x.heads * (load.tokens * (width + x.kv_lora) * 2 + width * x.kv_lora * format_bytes(x.quant));
      return rates_.launch_s + smooth_max(flop / math_rate(x.quant, load.tokens), bytes / read_);
    }
    case op_kind::moe:
      return experts(x, load);
    case op_kind::all_reduce:
    case op_kind::all_gather:
    case op_kind::reduce_scatter:
    case op_kind::all_to_all:
    case op_kind::p2p:
      return collective(x, load);
    case op_kind::module:
      return module(x, load);
    case op_kind::recurrent:
      return recurrent(x, load);
  }
  return 0;
}

} // namespace

std::shared_ptr<const op_timer> make_roofline_timer(const engine_spec& engine) {
  return make_roofline_timer(engine, rates_of(engine.gpu));
}

std::shared_ptr<const op_timer> make_roofline_timer(const engine_spec& engine, const kernel_rates& rates) {
  return std::make_shared<roofline_timer>(engine, rates);
}

} // namespace sextant::performance
