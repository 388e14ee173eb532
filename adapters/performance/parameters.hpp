// parameters.hpp: The fitted constants of the performance model. Values and what they mean stand in parameters.tsv;
// tools/fit_model writes them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/performance/engine_spec.hpp"

namespace sextant::performance {

/// What kernels of a generation of GPUs reach. Shares of 1 of the peak.
struct gpu_parameters {
  double read_share = 0.8, expert_read_share = 0.6;
  double attention_share = 0.55;
  double gemm_share_16 = 0.7, gemm_share_8 = 0.6, gemm_share_4 = 0.5;
  double expert_share = 0.6;
  double link_latency_s = 8e-6;
};

/// What a back end's kernels and host cost. Seconds, shares and factors.
struct backend_parameters {
  double launch_s = 2e-6, elementwise_s = 2e-6, quantise_s = 1.5e-6;
  double cache_read_share = 0.7;
  double host_s = 1e-3, host_sequence_s = 8e-6, host_request_s = 2e-3;
  double prompt_layer_s = 0.15e-3; ///< launches of a step with prompt tokens, per layer: it takes no less
  double mixed_scale = 1.05;
  double first_token_s = 15e-3, prompt_token_s = 5e-6;
};

/// What a kernel takes in a served step over what it took alone when the tables were measured.
struct table_parameters {
  double products = 1, experts = 1, attention = 1, collectives = 1;
};

struct model_parameters {
  std::array<gpu_parameters, 2> gpus;         ///< up to Hopper, from Blackwell on
  std::array<backend_parameters, 3> backends; ///< in the order of `backend_kind`
  table_parameters tables;
  double link_share = 0.6;
  double ramp_rows = 96;
  double hand_over_scale = 1.3;   ///< time of a prompt on a prefill engine over that on an aggregated one: router, hand-over
  double unlabelled_tokens = 1.2; ///< tokens per step of disaggregated benchmarks that do not say whether they speculate
  double benchmark_front_s = 30e-3; ///< of a first token in runs through Dynamo's frontend, over an engine's own server
  double benchmark_waves = 8;       ///< requests of a benchmark run over its clients, where the run does not say

  const gpu_parameters& of(const gpu_facts& gpu) const { return gpus[gpu.sm_version >= 100 ? 1 : 0]; }
  const backend_parameters& of(backend_kind backend) const { return backends[static_cast<std::size_t>(backend)]; }
};

/// One constant: where it lies, what was expected before any measurement, and how far it may lie from that.
struct fitted_constant {
  std::string name;
  double value = 0;  ///< committed, > 0
  double prior = 0;  ///< > 0
  double spread = 0; ///< standard deviation of ln(value / prior)
  double most = 0;   ///< no fit may go beyond: 1 for shares of peaks
  std::string meaning;
};

/// All constants in the order of parameters.tsv.
const std::vector<fitted_constant>& fitted_constants();

/// The parameters with the committed values.
const model_parameters& committed_parameters();

/// The parameters with values of your own, as many and in the order of `fitted_constants`.
model_parameters parameters_from(const std::vector<double>& values);

} // namespace sextant::performance
