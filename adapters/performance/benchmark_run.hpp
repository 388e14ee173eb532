// benchmark_run.hpp: Plays a benchmark against one engine in virtual time, event by event: steps between two changes of the
// batch are taken in one go. Pure and deterministic.
#pragma once

#include <cstdint>

#include "adapters/performance/step_costs.hpp"

namespace sextant::performance {

/// How the engine's scheduler fills its steps.
struct scheduling_policy {
  double step_tokens = 8192;    ///< prompt tokens of a step at most (with mixed steps: less the decoding requests)
  double most_running = 1024;   ///< sequences
  double kv_tokens = 1e9;       ///< capacity, tokens
  double reserved_output = 0.5; ///< share of a request's output that is reserved for it when it is admitted
  bool mixed_steps = true;      ///< prompts and decoding share a step; else decoding waits while prompts run
  bool chunked = true;          ///< a prompt may be divided over steps
};

/// The traffic as one engine's attention rank sees it.
struct rank_traffic {
  double clients = 1;      ///< closed loop: each sends its next request when the last one is answered
  double rate_per_s = 0;   ///< > 0: open loop, Poisson arrivals, `clients` is not used
  double requests = 10;    ///< of the whole run
  double isl = 1, osl = 1; ///< tokens; lengths of requests are uniform in [shortest, 1] times these
  double shortest = 1;     ///< (0, 1]
  double drift = 0;        ///< [0, 1): outputs are longer or shorter by up to this share, so that equal requests part
  double prefix = 0;       ///< tokens of every prompt that are in the prefix cache
  uint64_t seed = 0;
};

/// Averages over the requests of a run, seconds.
struct run_outcome {
  double ttft_s = 0, tpot_s = 0;
  double ttft_p50_s = 0, ttft_p99_s = 0, tpot_p50_s = 0, tpot_p99_s = 0;
  double latency_s = 0;  ///< mean, whole request
  double duration_s = 0; ///< of the whole run, extrapolated if it was cut
  double output_tokens = 0;
  double mean_running = 0;
  double steps = 0; ///< steps of the engine that were covered
};

/// Runs `traffic`. At most `request_limit` requests are played: of a longer run the first round of all clients and as many
/// rounds after it as fit, which then stand for the rest.
run_outcome play(const step_costs& costs, const scheduling_policy& policy, const rank_traffic& traffic,
                 double request_limit = 6000);

/// A closed loop of clients over a pool of prefill ranks and a pool of decode ranks.
struct tandem_traffic {
  rank_traffic rank;          ///< of the whole deployment
  double prefill_servers = 1; ///< attention ranks that take prompts, each one after the other
  double decode_servers = 1;  ///< attention ranks that decode
  double transfer_s = 0;      ///< hand-over of a KV cache, per request
  double transfer_s_per_token = 0;
};

/// Runs `traffic` through both pools: prompts queue for a rank, the cache is handed over, decoding requests spread evenly.
run_outcome play_tandem(const step_costs& prefill, const scheduling_policy& prefill_policy, const step_costs& decode,
                        const scheduling_policy& decode_policy, const tandem_traffic& traffic, double request_limit = 6000);

} // namespace sextant::performance
