// compare.hpp: The search of deployments: aggregated and disaggregated, over mappings, replicas, load and chunk size. Pure.
#pragma once

#include <string>
#include <vector>

#include "actors/search/estimating/engines.hpp"
#include "actors/search/estimating/goal.hpp"

namespace sextant::estimating {

/// An engine that no deployment can use, and why.
struct refusal {
  backend_kind backend = backend_kind::vllm;
  std::string label;
  std::string reason;
};

/// Everything that was estimated, in a fixed order whatever the number of threads.
struct comparison {
  goal wanted;
  std::vector<deployment_estimate> deployments; ///< several loads of each; `efficient` is filled in
  std::vector<refusal> refused;
  int estimates = 0; ///< how often the model was asked for a whole deployment
};

/// Decoding sequences of one rank that the reference never exceeds.
inline constexpr int most_batch = 512;

/// Compares what the oracles' engines can do for a goal. Latencies and throughput rise with the load, so that the
/// highest load within the target is found by bisection.
comparison compare_deployments(const profile_request& request, const goal& wanted,
                               const std::vector<const oracle*>& oracles);

// -- parts ----------------------------------------------------------------------------------------------

/// Estimates of one kind of engine that does everything.
std::vector<deployment_estimate> explore_aggregated(const goal& wanted, const oracle& asked, const engine_option& engine,
                                                    int& estimates);

/// Estimates of prefill and decode engines apart.
std::vector<deployment_estimate> explore_disaggregated(const goal& wanted, const oracle& asked,
                                                       const std::vector<engine_option>& engines, int& estimates);

/// One deployment at one load; `units` of it on the goal's GPUs. `ok` tells whether the model had an answer.
deployment_estimate estimate_aggregated(const goal& wanted, const oracle& asked, const engine_set& engines,
                                        double concurrency, int units, bool& ok);
deployment_estimate estimate_disaggregated(const goal& wanted, const oracle& asked, const engine_set& prefill,
                                           const engine_set& decode, double concurrency, int units, bool& ok);

/// How many prefill and decode engines go together, and how often that fits: the most requests/s on the given GPUs.
struct unit_choice {
  int prefill = 0, decode = 0, units = 0;
  double requests_per_s = 0; ///< of one unit
};
/// Rates in requests/s of one engine. The shares of them that a unit reaches are the reference's (0.9 and 0.92).
unit_choice match_rates(double prefill_rate, int prefill_gpus, double decode_rate, int decode_gpus, int gpus);

} // namespace sextant::estimating
