// serving.hpp: From step times to TTFT, ITL and throughput under a client's traffic.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/performance/engine_model.hpp"
#include "adapters/performance/engine_spec.hpp"
#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// The client's traffic. Either `concurrency` (closed loop) or `rate_per_s` (open loop) is set.
struct serving_traffic {
  int isl = 0, osl = 0;   ///< tokens
  int prefix = 0;         ///< tokens of `isl` that are in the prefix cache
  double concurrency = 0; ///< requests in flight over the whole deployment
  double rate_per_s = 0;  ///< Poisson arrivals
  double requests = 0;    ///< length of the run; 0: ten times the concurrency, as benchmarks do
  double shortest = 1;    ///< lengths are uniform in [shortest, 1] times `isl` and `osl`
  double front_s = 0;     ///< that a first token takes in front of the engines' own servers
};

/// A value with the band that holds the truth in 80 % of cases.
struct banded {
  double value = 0, low = 0, high = 0;
};

/// What is expected of a deployment. Times in ms.
struct serving_estimate {
  bool ok = false;
  std::string reason; ///< why not ok
  banded ttft_ms, tpot_ms;
  double ttft_p50_ms = 0, ttft_p99_ms = 0, tpot_p50_ms = 0, tpot_p99_ms = 0;
  double output_tokens_per_s = 0; ///< whole deployment
  double request_latency_ms = 0;
  double kv_tokens = 0;               ///< capacity of one engine
  time_tier tier = time_tier::fitted; ///< `measured` if tables answered for most of the time
  std::vector<std::string> sources;
  double kv_load = 0; ///< KV tokens that the traffic wants at once over those there are; above 1 requests wait
};

/// One kind of engine inside a deployment.
struct engine_group {
  engine_spec engine;
  int replicas = 1;
  int max_batch = 0;          ///< sequences per attention rank; 0: the back end's default
  int chunk_tokens = 0;       ///< tokens that one step takes (chunked prefill); 0: the back end's default
  double tokens_per_step = 1; ///< that a decoding request gets on average: above 1 with speculative decoding
};

class measured_points;

/// Where estimates come from. Holds references: what they name must live as long.
struct estimate_context {
  timer_factory tables;                                         ///< empty: formulas only
  const model_parameters* parameters = &committed_parameters(); ///< never null
  const measured_points* measured = nullptr;                    ///< what corrects estimates; null: nothing
};

/// Aggregated serving: every replica does prefill and decode.
serving_estimate estimate_aggregated(const engine_group& engines, const serving_traffic& traffic,
                                     const estimate_context& context = {});
/// Disaggregated serving: prefill engines hand KV caches over to decode engines.
serving_estimate estimate_disaggregated(const engine_group& prefill, const engine_group& decode,
                                        const serving_traffic& traffic, const estimate_context& context = {});

/// The same with engines that were sampled before (`model_engine` is most of the cost of an estimate).
serving_estimate serve_aggregated(const engine_model& model, const engine_group& engines, const serving_traffic& traffic);
serving_estimate serve_disaggregated(const engine_model& prefill_model, const engine_group& prefill,
                                     const engine_model& decode_model, const engine_group& decode,
                                     const serving_traffic& traffic);

} // namespace sextant::performance
