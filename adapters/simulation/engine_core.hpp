// engine_core.hpp: A simulated inference engine in virtual time: continuous batching over a finite KV cache with prefix
// reuse. One core for every use: the simulated host plays it against the wall clock, the virtual simulation as fast as it
// can. Not thread-safe; deterministic for equal calls and seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/simulation/step_model.hpp"
#include "messages/engine.hpp"

namespace sextant {

/// Tokens of one KV block, for hashing and eviction.
using performance::kv_block_tokens;

/// A request as the engine sees it. Block hashes are chained: equal hash means equal tokens from the start of the prompt.
struct sim_request {
  uint64_t id = 0;
  int prompt_tokens = 0;
  std::vector<uint64_t> block_hashes; ///< one per full block of the prompt
  int max_tokens = 1;
  int rank = -1; ///< attention rank; -1 = the router chooses (round robin)
};

/// One produced token.
struct sim_token {
  uint64_t request = 0;
  int index = 0; ///< 0-based output token
  bool last = false;
  int cached_tokens = 0; ///< prompt tokens found in the prefix cache (valid with index 0 and last)
};

/// Behaviour that does not follow from shape and model.
struct engine_settings {
  phase role = phase::decode; ///< prefill engines run without prefix cache and with batch = attention ranks
  bool prefix_caching = true;
  int max_running = 1024;        ///< sequences per attention rank
  int max_batched_tokens = 8192; ///< tokens per step and attention rank
  int64_t kv_tokens = 0;         ///< capacity of the whole engine; 0 = from the memory model
  int max_context = 0;           ///< tokens of one request; 0 = the model's
  double noise = 0.01;           ///< relative spread of step times (log-normal, seeded)
  uint64_t seed = 0;
};

class engine_core {
public:
  virtual ~engine_core() = default;
  /// Queues a request that arrives at `at_s`. Returns an error text for a request that can never run.
  virtual std::string submit(sim_request request, double at_s) = 0;
  /// Forgets a request (client gone); its blocks become reusable.
  virtual void cancel(uint64_t request) = 0;
  /// Whether any request is queued or running.
  virtual bool busy() const = 0;
  /// Runs one step that begins at `now_s`; appends the tokens that exist at its end; returns the end time (> now_s).
  /// Must only be called while busy.
  virtual double step(double now_s, std::vector<sim_token>& tokens) = 0;
  virtual int64_t kv_tokens() const = 0;      ///< capacity, all ranks
  virtual int64_t kv_tokens_used() const = 0; ///< held by running requests
  virtual int running() const = 0;
  virtual int waiting() const = 0;
  virtual const engine_settings& settings() const = 0;
};

std::unique_ptr<engine_core> make_engine_core(const engine_shape& shape, std::shared_ptr<const step_model> model,
                                              const engine_settings& settings);

/// Description of a virtual engine inside an endpoint: `virtual:` + JSON. Two calls with equal text mean the same engine.
std::string virtual_endpoint(const deploy_engine& what);
/// Makes the engine that a `virtual:` endpoint describes; nothing and an error text if the text is malformed.
std::unique_ptr<engine_core> engine_from_endpoint(const std::string& endpoint, std::string& error);

} // namespace sextant
