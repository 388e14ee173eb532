// roofline_timer.hpp: Times of ops by formula: the longer of arithmetic and memory traffic at achievable rates. Tier 2.
#pragma once

#include <memory>

#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// What kernels of a GPU reach of its peaks. Times in seconds, shares of 1.
struct kernel_rates {
  double launch_s = 2.0e-6;        ///< shortest time of a kernel inside a captured graph
  double elementwise_s = 2.0e-6;   ///< the same of norms and activations
  double quantise_s = 0;           ///< what quantising of activations adds to a product
  double read_share = 0.80;        ///< of the memory bandwidth, large reads
  double expert_read_share = 0.80; ///< the same of weights of experts
  double cache_read_share = 0.70;  ///< of the memory bandwidth, reads of a paged KV cache
  double gemm_share_16 = 0.70;     ///< of the peak, large products: 16 bit
  double gemm_share_8 = 0.58;      ///< 8 bit
  double gemm_share_4 = 0.48;      ///< 4 bit
  double expert_share = 0.75;      ///< grouped products reach this share of a plain product's rate
  double attention_share = 0.55;   ///< of the peak, prompts
  double decode_math_share = 0.35; ///< of the peak, attention of decoding requests
  double ramp_rows = 96;           ///< rows at which a product reaches half of its large-size rate
  double link_share = 0.75;        ///< of the link bandwidth
  double link_latency_s = 6.0e-6;  ///< small all-reduce inside a node
  double node_latency_s = 25.0e-6; ///< what crossing nodes adds
  double expert_imbalance = 0.25;  ///< excess load of the busiest of many expert ranks
};

/// Rates of a GPU by its generation; unknown generations get those of Hopper.
kernel_rates rates_of(const gpu_facts& gpu);

/// A timer of one engine by formula. Every answer has tier `fitted`.
std::shared_ptr<const op_timer> make_roofline_timer(const engine_spec& engine);
/// The same with rates of your own.
std::shared_ptr<const op_timer> make_roofline_timer(const engine_spec& engine, const kernel_rates& rates);

/// Attended (query, key) pairs of the prompts of a step, a window > 0 cut off. The prompts count as equally long.
double attended_pairs(const op_load& load, int window);

/// Expert-token pairs on the busiest expert rank and the experts there that get at least one.
struct expert_load {
  double pairs = 0;
  double touched = 0;
};
expert_load busiest_expert_rank(double tokens, int topk, int experts, int expert_ranks, double imbalance);

} // namespace sextant::performance
