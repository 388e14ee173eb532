// serving_oracle.cpp: The oracle of the serving model: each engine is sampled once, every question plays a run in virtual
// time.
#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "actors/search/estimating/oracle.hpp"
#include "adapters/performance/engine_model.hpp"
#include "adapters/performance/measured_points.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant::estimating {

namespace {

using performance::engine_group;
using performance::engine_model;

/// Version of the back end whose tables are asked first; empty: the newest.
std::string version_of(const profile_request& request) {
  const auto asked = request.extra.find("aic-backend-version");
  return asked == request.extra.end() ? std::string{} : asked->second;
}

class serving_oracle final : public oracle {
public:
  serving_oracle(const profile_request& request, backend_kind backend, const performance::estimate_context& context)
      : model_(request.model), gpu_(request.gpu), backend_(backend), version_(version_of(request)), context_(context) {}

  backend_kind backend() const override { return backend_; }
  engine_size size(const mapping& layout, int64_t request_tokens) const override {
    const auto plan = plan_memory({model_, gpu_, backend_, layout}, request_tokens);
    return {plan.fits, plan.kv_tokens, plan.weight_bytes, plan.reason};
  }
  double prefill_ms(const mapping& layout, int isl) const override;
  double decode_ms(const mapping& layout, int concurrency, double context) const override;
  std::vector<std::string> sources(const mapping& layout) const override { return sampled(layout).sources; }
  performance::serving_estimate aggregated(const engine_set& engines,
                                           const performance::serving_traffic& traffic) const override {
    const auto asked = group(engines);
    auto e = performance::serve_aggregated(sampled(engines.layout), asked, traffic);
    if (context_.measured)
      context_.measured->correct(asked, nullptr, traffic, e);
    return e;
  }
  performance::serving_estimate disaggregated(const engine_set& prefill, const engine_set& decode,
                                              const performance::serving_traffic& traffic) const override {
    const auto first = group(prefill), second = group(decode);
    auto e = performance::serve_disaggregated(sampled(prefill.layout), first, sampled(decode.layout), second, traffic);
    if (context_.measured)
      context_.measured->correct(second, &first, traffic, e);
    return e;
  }

private:
  performance::engine_spec spec(const mapping& layout) const {
    return {model_, gpu_, backend_, version_, performance::layout_of(layout, model_.is_moe), 0};
  }
  engine_group group(const engine_set& engines) const {
    engine_group g;
    g.engine = spec(engines.layout);
    g.replicas = engines.replicas;
    g.chunk_tokens = engines.chunk_tokens;
    return g;
  }
  const engine_model& sampled(const mapping& layout) const;

  model_facts model_;
  gpu_facts gpu_;
  backend_kind backend_;
  std::string version_;
  performance::estimate_context context_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<int, int>, engine_model> engines_; ///< never erased: references stay good
};

const engine_model& serving_oracle::sampled(const mapping& layout) const {
  const std::lock_guard lock{mutex_};
  const std::pair key{static_cast<int>(layout.method), layout.gpus};
  if (const auto known = engines_.find(key); known != engines_.end())
    return known->second;
  auto model = performance::model_engine(spec(layout), context_.tables, *context_.parameters);
  // The memory plan that decides whether an engine fits also says how much its cache holds.
  const auto plan = plan_memory({model_, gpu_, backend_, layout}, 1);
  if (plan.kv_tokens > 0)
    model.policy.kv_tokens = static_cast<double>(plan.kv_tokens) / layout.attention_data_parallel();
  return engines_.emplace(key, std::move(model)).first->second;
}

/// The prompt alone, in chunks, and what a request spends outside of the engine.
double serving_oracle::prefill_ms(const mapping& layout, int isl) const {
  const auto& model = sampled(layout);
  double seconds = model.first_token_s + model.prompt_token_s * isl;
  for (double done = 0; done < isl; done += model.policy.step_tokens) {
    performance::step_work work;
    work.prompt_requests = 1;
    work.prompt_tokens = std::min(model.policy.step_tokens, isl - done);
    work.prompt_context = work.prompt_tokens * done;
    seconds += model.costs(work);
  }
  return seconds * 1000;
}

double serving_oracle::decode_ms(const mapping& layout, int concurrency, double context) const {
  performance::step_work work;
  work.decode_requests = std::ceil(std::max(1.0, 1.0 * concurrency) / std::max(1, layout.attention_data_parallel()));
  work.decode_context = work.decode_requests * context;
  return sampled(layout).costs(work) * 1000;
}

} // namespace

std::unique_ptr<oracle> make_oracle(const profile_request& request, backend_kind backend,
                                    const performance::estimate_context& context) {
  return std::make_unique<serving_oracle>(request, backend, context);
}

} // namespace sextant::estimating
