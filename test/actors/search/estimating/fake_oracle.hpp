// fake_oracle.hpp: A performance model of a few lines, so that tests know the best deployment without the search.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>

#include "actors/search/estimating/oracle.hpp"

namespace sextant::testing {

/// Prompts take `prompt_ms` on one GPU, a step `step_ms` and `sequence_ms` for each request; more GPUs are faster by
/// `scaling` for every doubling.
class fake_oracle final : public estimating::oracle {
public:
  double prompt_ms = 400, step_ms = 20, sequence_ms = 0.2, scaling = 1.7;
  int64_t kv_tokens_of_one = 400'000;
  int smallest = 1; ///< GPUs below which nothing fits
  mutable std::atomic<int> asked{0};

  double speed(const mapping& m) const { return std::pow(scaling, std::log2(m.gpus)); }
  backend_kind backend() const override { return backend_kind::vllm; }
  estimating::engine_size size(const mapping& m, int64_t request_tokens) const override {
    const auto held = kv_tokens_of_one * m.gpus;
    const bool fits = m.gpus >= smallest && held >= request_tokens;
    return {fits, held, 1e9, fits ? "" : "too small"};
  }
  double prefill_ms(const mapping& m, int isl) const override { return prompt_ms * isl / 4000 / speed(m); }
  double decode_ms(const mapping& m, int concurrency, double) const override {
    return (step_ms + sequence_ms * concurrency) / speed(m);
  }
  performance::serving_estimate aggregated(const estimating::engine_set& e,
                                           const performance::serving_traffic& t) const override {
    ++asked;
    const double per_engine = t.concurrency / e.replicas;
    // A prompt of each request comes once in every answer.
    const double tpot =
        decode_ms(e.layout, static_cast<int>(per_engine), 0) + per_engine * prefill_ms(e.layout, t.isl) / std::max(t.osl, 1);
    return answer(prefill_ms(e.layout, t.isl) * (1 + per_engine / 50), tpot, t);
  }
  performance::serving_estimate disaggregated(const estimating::engine_set& p, const estimating::engine_set& d,
                                              const performance::serving_traffic& t) const override {
    ++asked;
    const double tpot = decode_ms(d.layout, static_cast<int>(std::ceil(t.concurrency / d.replicas)), 0);
    const double prompt = prefill_ms(p.layout, t.isl);
    // What the prefill engines cannot keep up with waits.
    const double ttft = std::max(prompt * 1.2, t.concurrency * prompt / p.replicas - tpot * t.osl);
    return answer(ttft, tpot, t);
  }

private:
  static performance::serving_estimate answer(double ttft, double tpot, const performance::serving_traffic& t) {
    performance::serving_estimate e;
    e.ok = true;
    e.ttft_ms = {ttft, ttft / 1.2, ttft * 1.2};
    e.tpot_ms = {tpot, tpot / 1.1, tpot * 1.1};
    e.request_latency_ms = ttft + tpot * (t.osl - 1);
    e.output_tokens_per_s = t.concurrency * t.osl * 1000 / e.request_latency_ms;
    return e;
  }
};

/// A dense model with 64 heads, of which 8 hold keys and values, on 32 GPUs of 8 a node.
inline profile_request dense_request() {
  profile_request request;
  request.api = request_api::v1beta1;
  request.model.name = "dense";
  request.model.heads = 64;
  request.model.kv_heads = 8;
  request.model.intermediate = 25600;
  request.sla = {4000, 1000, 1000, 30};
  request.min_gpus_per_engine = 1;
  request.max_gpus_per_engine = 8;
  request.pool_gpus = 32;
  return request;
}

} // namespace sextant::testing
