// step_oracle.cpp: An oracle from step times and the memory plan alone: closed-loop serving in closed form.
#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "actors/search/estimating/oracle.hpp"
#include "adapters/simulation/model_shape.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant::estimating {

namespace {

constexpr int usual_chunk_tokens = 8192;
/// Load of the prefill engines beyond which their queue is not computed any more.
constexpr double most_utilisation = 0.98;

class step_oracle final : public oracle {
public:
  step_oracle(const profile_request& request, backend_kind backend)
      : model_(request.model), gpu_(request.gpu), backend_(backend) {}

  backend_kind backend() const override { return backend_; }
  engine_size size(const mapping& layout, int64_t request_tokens) const override;
  double prefill_ms(const mapping& layout, int isl) const override { return predicted_ttft_ms(*steps(layout), layout, isl); }
  double decode_ms(const mapping& layout, int concurrency, double context) const override {
    return predicted_itl_ms(*steps(layout), layout, concurrency, context);
  }
  performance::serving_estimate aggregated(const engine_set& engines,
                                           const performance::serving_traffic& traffic) const override;
  performance::serving_estimate disaggregated(const engine_set& prefill, const engine_set& decode,
                                              const performance::serving_traffic& traffic) const override;

private:
  const step_model* steps(const mapping& layout) const;
  performance::serving_estimate answer(const step_model& steps, double ttft_ms, double tpot_ms,
                                       const performance::serving_traffic& traffic) const;

  model_facts model_;
  gpu_facts gpu_;
  backend_kind backend_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<int, int>, std::shared_ptr<const step_model>> steps_;
};

const step_model* step_oracle::steps(const mapping& layout) const {
  const std::lock_guard lock{mutex_};
  auto& known = steps_[{static_cast<int>(layout.method), layout.gpus}];
  if (!known)
    known = make_roofline({model_, gpu_, backend_, layout});
  return known.get();
}

engine_size step_oracle::size(const mapping& layout, int64_t request_tokens) const {
  const auto plan = plan_memory({model_, gpu_, backend_, layout}, request_tokens);
  return {plan.fits, plan.kv_tokens, plan.weight_bytes, plan.reason};
}

performance::serving_estimate step_oracle::answer(const step_model& model, double ttft_ms, double tpot_ms,
                                                  const performance::serving_traffic& traffic) const {
  performance::serving_estimate e;
  const double band = 1 + model.error_band();
  e.ok = true;
  e.ttft_ms = {ttft_ms, ttft_ms / band, ttft_ms * band};
  e.tpot_ms = {tpot_ms, tpot_ms / band, tpot_ms * band};
  e.request_latency_ms = ttft_ms + tpot_ms * (traffic.osl - 1);
  e.output_tokens_per_s = traffic.concurrency * traffic.osl * 1000 / std::max(e.request_latency_ms, 1e-9);
  e.sources = {model.tier()};
  return e;
}

/// In a cycle every request in flight has its prompt processed and decodes its whole answer: `mixed` steps carry prompt
/// tokens, the rest only decode.
performance::serving_estimate step_oracle::aggregated(const engine_set& engines,
                                                      const performance::serving_traffic& traffic) const {
  const auto& model = *steps(engines.layout);
  const double ranks = engines.layout.attention_data_parallel() * std::max(engines.replicas, 1);
  const double batch = std::max(1.0, std::ceil(traffic.concurrency / ranks));
  const double chunk = engines.chunk_tokens > 0 ? engines.chunk_tokens : usual_chunk_tokens;
  const double prompt = std::max(1, traffic.isl - traffic.prefix);
  const double steps_of_answer = std::max(1, traffic.osl - 1);
  const double room = std::max(chunk - (batch - 1), std::min(chunk, 64.0));
  const double mixed = std::ceil(batch * prompt / room);
  step_batch step;
  step.decode_requests = std::llround(batch);
  step.decode_context_tokens = std::llround(batch * (traffic.isl + traffic.osl / 2.0));
  const double decode_s = model.step_seconds(step);
  step.decode_requests = std::llround(batch - 1);
  step.decode_context_tokens = std::llround((batch - 1) * (traffic.isl + traffic.osl / 2.0));
  step.prefill_tokens = std::llround(std::min(room, batch * prompt));
  step.prefill_requests = std::max<int64_t>(1, std::llround(static_cast<double>(step.prefill_tokens) / prompt));
  step.prefill_context_tokens = std::llround(prompt > room ? prompt / 2 : 0) + step.prefill_requests * traffic.prefix;
  const double mixed_s = model.step_seconds(step);
  const double cycle_s = mixed * mixed_s + std::max(0.0, steps_of_answer - mixed) * decode_s;
  // A prompt waits for its share of the steps that others' prompts take before its own.
  const double own_s = std::ceil(prompt / room) * mixed_s;
  const double busy = mixed * mixed_s / cycle_s;
  double ttft_s = own_s * (1 + busy * std::min(batch - 1, 4.0) / 2);
  double tpot_s = (cycle_s - own_s) / steps_of_answer;
  if (mixed > steps_of_answer) { // prompts alone keep the engine busy: the queue takes what is left of the cycle
    tpot_s = mixed_s;
    ttft_s = std::max(ttft_s, cycle_s - steps_of_answer * mixed_s);
  }
  return answer(model, ttft_s * 1000, std::max(tpot_s, decode_s) * 1000, traffic);
}

performance::serving_estimate step_oracle::disaggregated(const engine_set& prefill, const engine_set& decode,
                                                         const performance::serving_traffic& traffic) const {
  const auto& model = *steps(decode.layout);
  const double prompt_ms = prefill_ms(prefill.layout, std::max(1, traffic.isl - traffic.prefix));
  const double servers = prefill.replicas * prefill.layout.attention_data_parallel();
  // The cache of a prompt crosses the slowest link between the engines.
  const double bytes = kv_bytes_per_token(model_, prefill.layout) * traffic.isl;
  const double transfer_ms = gpu_.inter_node_bandwidth > 0 ? bytes / gpu_.inter_node_bandwidth * 1000 : 0;
  const double per_engine = std::ceil(traffic.concurrency / std::max(decode.replicas, 1));
  const double tpot_ms = decode_ms(decode.layout, static_cast<int>(per_engine), traffic.isl + traffic.osl / 2.0);
  const double answer_ms = tpot_ms * std::max(1, traffic.osl - 1) + transfer_ms;
  // Closed loop: the rate follows from the latency, the queue before prefill from the rate.
  double ttft_ms = prompt_ms;
  for (int i = 0; i < 20; ++i) {
    const double rate = traffic.concurrency / (ttft_ms + answer_ms);
    const double utilisation = std::min(rate * prompt_ms / servers, most_utilisation);
    const double queue_ms =
        prompt_ms * std::pow(utilisation, std::sqrt(2 * (servers + 1))) / (2 * servers * (1 - utilisation));
    ttft_ms = (ttft_ms + prompt_ms + queue_ms) / 2;
  }
  // What no prefill engine can serve waits, whatever the formula of the queue says.
  ttft_ms = std::max(ttft_ms, traffic.concurrency * prompt_ms / servers - answer_ms);
  return answer(model, ttft_ms + transfer_ms, tpot_ms, traffic);
}

} // namespace

std::unique_ptr<oracle> make_oracle(const profile_request& request, backend_kind backend) {
  return std::make_unique<step_oracle>(request, backend);
}

} // namespace sextant::estimating
