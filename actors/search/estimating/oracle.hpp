// oracle.hpp: What the search of deployments asks the performance model. One oracle knows one model, GPU and back end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/performance/serving.hpp"
#include "messages/request.hpp"

namespace sextant::estimating {

/// What an engine holds.
struct engine_size {
  bool fits = false;
  int64_t kv_tokens = 0;   ///< of the whole engine
  double weight_bytes = 0; ///< of one GPU
  std::string reason;      ///< why it does not fit
};

/// Engines of the same kind.
struct engine_set {
  mapping layout;
  int replicas = 1;
  int chunk_tokens = 0; ///< tokens of one step; 0: the back end's default
};

/// Answers for mappings. Safe to use from several threads.
class oracle {
public:
  virtual ~oracle() = default;
  virtual backend_kind backend() const = 0;
  /// Memory, for requests that keep `request_tokens` in the cache.
  virtual engine_size size(const mapping& layout, int64_t request_tokens) const = 0;
  /// TTFT of one prompt on an idle engine, ms; for data-parallel attention of one on every rank.
  virtual double prefill_ms(const mapping& layout, int isl) const = 0;
  /// ITL of `concurrency` requests on one engine, none of which is in its prompt, ms.
  virtual double decode_ms(const mapping& layout, int concurrency, double context) const = 0;
  /// Measured tables that answer for an engine; empty: formulas.
  virtual std::vector<std::string> sources(const mapping&) const { return {}; }
  virtual performance::serving_estimate aggregated(const engine_set& engines,
                                                   const performance::serving_traffic& traffic) const = 0;
  virtual performance::serving_estimate disaggregated(const engine_set& prefill, const engine_set& decode,
                                                      const performance::serving_traffic& traffic) const = 0;
};

/// The oracle of the performance model for a request's model and GPU.
std::unique_ptr<oracle> make_oracle(const profile_request& request, backend_kind backend,
                                    const performance::estimate_context& context);

} // namespace sextant::estimating
