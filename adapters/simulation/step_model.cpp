// step_model.cpp: The step model of the performance model: one engine, sampled once.
#include "adapters/simulation/step_model.hpp"

#include <algorithm>
#include <cmath>

#include "adapters/aic/opened_tables.hpp"
#include "adapters/performance/engine_model.hpp"

namespace sextant {

namespace {

constexpr int prefill_chunk_tokens = 32768; ///< tokens per step of a prefill engine and attention rank

class served_steps final : public step_model {
public:
  explicit served_steps(const engine_shape& shape)
      : engine_{performance::model_engine(
          {shape.model, shape.gpu, shape.backend, {}, performance::layout_of(shape.layout, shape.model.experts > 0), 0},
          performance::installed_tables().timers, performance::committed_parameters())} {}

  double step_seconds(const step_batch& batch) const override {
    performance::step_work work;
    work.prompt_tokens = static_cast<double>(batch.prefill_tokens);
    work.prompt_requests = static_cast<double>(std::max<int64_t>(batch.prefill_requests, batch.prefill_tokens > 0 ? 1 : 0));
    if (batch.prefill_tokens > 0) {
      const double each = work.prompt_tokens / work.prompt_requests;
      const double own = work.prompt_tokens * (each + 1) / 2;
      work.prompt_context = batch.prefill_pairs > 0 ? std::max(0.0, batch.prefill_pairs - own)
                                                    : each * static_cast<double>(batch.prefill_context_tokens);
    }
    work.decode_requests = static_cast<double>(batch.decode_requests);
    work.decode_context = static_cast<double>(batch.decode_context_tokens);
    return engine_.costs(work);
  }
  std::string tier() const override { return engine_.measured_share > 0.5 ? "measured" : "fitted"; }
  double error_band() const override { return 0.3; }

private:
  performance::engine_model engine_;
};

} // namespace

std::shared_ptr<const step_model> make_step_model(const engine_shape& shape) {
  return std::make_shared<served_steps>(shape);
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
