// step_model.hpp: How long one forward pass takes, for simulated engines and the search.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adapters/performance/memory_plan.hpp"
#include "messages/values.hpp"

namespace sextant {

/// What one attention rank works on in one step.
struct step_batch {
  int64_t prefill_tokens = 0;         ///< new prompt tokens in this step
  int64_t prefill_context_tokens = 0; ///< prompt tokens already in the cache that they attend to (sum over requests)
  double prefill_pairs = 0;           ///< attended (query, key) pairs of the prefill part; 0 = derive from the two above
  int64_t prefill_requests = 0;
  int64_t decode_requests = 0;
  int64_t decode_context_tokens = 0; ///< sum of the context lengths of the decoding requests
};

/// Which engine is timed.
struct engine_shape {
  model_facts model;
  gpu_facts gpu;
  backend_kind backend = backend_kind::vllm;
  mapping layout;
};

/// Time of one forward pass of an engine. Immutable and thread-safe.
class step_model {
public:
  virtual ~step_model() = default;
  /// Seconds for one step in which the busiest attention rank works on `batch` (all ranks step together).
  virtual double step_seconds(const step_batch& batch) const = 0;
  /// Which tier answers: `measured` or `fitted`.
  virtual std::string tier() const = 0;
  /// Relative error to expect, e.g. 0.3: the truth is likely within value / (1 + e) .. value * (1 + e).
  virtual double error_band() const = 0;
};

/// The performance model of one engine: measured kernels where this process has tables, formulas for the rest.
std::shared_ptr<const step_model> make_step_model(const engine_shape& shape);

using performance::memory_plan;

/// The plan of the performance model for a mapping. `min_tokens`: the KV tokens that one request needs.
memory_plan plan_memory(const engine_shape& shape, int64_t min_tokens);

/// TTFT in ms of one request of `isl` fresh tokens on an idle engine; for DEP the time per request of a full round over the
/// ranks.
double predicted_ttft_ms(const step_model& model, const mapping& layout, int isl);

/// Mean ITL in ms of `concurrency` requests over the whole engine, each with `context` tokens, all decoding.
double predicted_itl_ms(const step_model& model, const mapping& layout, int concurrency, double context);

} // namespace sextant
