#include "adapters/performance/serving.hpp"

#include <algorithm>
#include <cmath>

#include "adapters/performance/bands.hpp"
#include "adapters/performance/benchmark_run.hpp"
#include "adapters/performance/measured_points.hpp"

namespace sextant::performance {

namespace {

std::string nonsense(const engine_group& engines, const serving_traffic& t) {
  std::string reason;
  const auto add = [&](bool wrong, const std::string& text) {
    if (wrong)
      reason += (reason.empty() ? "" : "; ") + text;
  };
  add(t.isl < 1, "isl must be at least 1, found " + std::to_string(t.isl));
  add(t.osl < 1, "osl must be at least 1, found " + std::to_string(t.osl));
  add(t.prefix < 0 || (t.isl > 0 && t.prefix >= t.isl), "prefix must be below isl, found " + std::to_string(t.prefix));
  add(!(t.concurrency > 0) && !(t.rate_per_s > 0), "concurrency or request rate must be positive");
  add(engines.replicas < 1, "replicas must be at least 1, found " + std::to_string(engines.replicas));
  const auto& l = engines.engine.layout;
  add(l.tp < 1 || l.pp < 1 || l.dp < 1 || l.moe_tp < 1 || l.moe_ep < 1, "parallel sizes must be at least 1");
  add(engines.engine.model.layers < 1, "nothing is known of model '" + engines.engine.model.name + "'");
  add(!(engines.engine.gpu.memory_bandwidth > 0), "nothing is known of GPU '" + engines.engine.gpu.name + "'");
  return reason;
}

/// The first of two groups that makes no sense is what is told.
std::string nonsense(const engine_group& prefill, const engine_group& decode, const serving_traffic& t) {
  const auto first = nonsense(prefill, t);
  return first.empty() ? nonsense(decode, t) : first;
}

/// Typical step of which the share of measured kernels is taken.
engine_model sampled(const engine_group& group, const serving_traffic& t, const estimate_context& context) {
  const double ranks = static_cast<double>(group.replicas) * group.engine.layout.dp;
  const double batch = std::max(1.0, t.concurrency > 0 ? t.concurrency / ranks : 16);
  return model_engine(group.engine, context.tables, *context.parameters, batch, t.isl + t.osl / 2.0);
}

scheduling_policy policy_of(const engine_model& model, const engine_group& group, const serving_traffic& t) {
  auto policy = model.policy;
  if (group.max_batch > 0)
    policy.most_running = group.max_batch;
  if (group.chunk_tokens > 0)
    policy.step_tokens = group.chunk_tokens;
  // The engine was started with room for one request at least, whatever the memory model says.
  policy.kv_tokens = std::max(policy.kv_tokens, 1.0 * t.isl + t.osl);
  return policy;
}

rank_traffic traffic_of(const serving_traffic& t, double ranks) {
  rank_traffic r;
  r.clients = std::max(1.0, std::round(t.concurrency / ranks));
  r.rate_per_s = t.concurrency > 0 ? 0 : t.rate_per_s / ranks;
  const double requests = t.requests > 0 ? t.requests / ranks : t.concurrency > 0 ? 10 * r.clients : 1000;
  r.requests = std::max(r.clients, requests);
  r.isl = t.isl;
  r.osl = t.osl;
  r.prefix = t.prefix;
  r.shortest = t.shortest;
  // Requests of equal length do not stay in step for long: they arrive, are tokenised and answered one by one.
  constexpr double drift = 0.01;
  r.drift = drift;
  return r;
}

/// Fills times, throughput and bands. `before_s`: what a request spends outside of the engine before its first token.
void fill(serving_estimate& e, const run_outcome& run, const serving_traffic& t, double before_s, double ranks) {
  const double tokens = std::max(1.0, t.osl * (1 + t.shortest) / 2);
  e.ok = true;
  e.ttft_ms.value = (run.ttft_s + before_s) * 1e3;
  e.tpot_ms.value = tokens > 1 ? run.tpot_s * 1e3 : 0;
  e.ttft_p50_ms = (run.ttft_p50_s + before_s) * 1e3;
  e.ttft_p99_ms = (run.ttft_p99_s + before_s) * 1e3;
  e.tpot_p50_ms = run.tpot_p50_s * 1e3;
  e.tpot_p99_ms = run.tpot_p99_s * 1e3;
  e.request_latency_ms = (run.latency_s + before_s) * 1e3;
  e.output_tokens_per_s = t.concurrency > 0    ? t.concurrency * tokens / (run.latency_s + before_s)
                          : run.duration_s > 0 ? run.output_tokens / run.duration_s * ranks
                                               : 0;
}

double outside(const engine_model& model, const serving_traffic& t) {
  return t.front_s + model.first_token_s + model.prompt_token_s * t.isl * (1 + t.shortest) / 2;
}

} // namespace

serving_estimate serve_aggregated(const engine_model& model, const engine_group& engines, const serving_traffic& traffic) {
  serving_estimate e;
  if (e.reason = nonsense(engines, traffic); !e.reason.empty())
    return e;
  const double ranks = static_cast<double>(engines.replicas) * engines.engine.layout.dp;
  const auto policy = policy_of(model, engines, traffic);
  const auto rank = traffic_of(traffic, ranks);
  auto costs = model.costs;
  if (engines.tokens_per_step > 1)
    costs.scale(1 / engines.tokens_per_step);
  const auto run = play(costs, policy, rank);
  fill(e, run, traffic, outside(model, traffic), ranks);
  e.kv_tokens = model.policy.kv_tokens * engines.engine.layout.dp;
  const double batch = rank.rate_per_s > 0 ? run.mean_running : rank.clients;
  e.kv_load = batch * (traffic.isl + traffic.osl / 2.0) / std::max(1.0, policy.kv_tokens);
  e.tier = model.measured_share > 0.5 ? time_tier::measured : time_tier::fitted;
  e.sources = model.sources;
  add_bands(e, engines.engine.backend, false);
  return e;
}

serving_estimate estimate_aggregated(const engine_group& engines, const serving_traffic& traffic,
                                     const estimate_context& context) {
  serving_estimate e;
  if (e.reason = nonsense(engines, traffic); !e.reason.empty())
    return e;
  e = serve_aggregated(sampled(engines, traffic, context), engines, traffic);
  if (context.measured)
    context.measured->correct(engines, nullptr, traffic, e);
  return e;
}

serving_estimate serve_disaggregated(const engine_model& prefill_model, const engine_group& prefill,
                                     const engine_model& decode_model, const engine_group& decode,
                                     const serving_traffic& traffic) {
  serving_estimate e;
  if (e.reason = nonsense(prefill, decode, traffic); !e.reason.empty())
    return e;
  tandem_traffic t;
  const double decode_ranks = static_cast<double>(decode.replicas) * decode.engine.layout.dp;
  t.prefill_servers = static_cast<double>(prefill.replicas) * prefill.engine.layout.dp;
  t.decode_servers = decode_ranks;
  t.rank = traffic_of(traffic, 1);
  t.transfer_s_per_token = prefill_model.transfer_s_per_token;
  t.transfer_s = prefill_model.transfer_s;
  auto prefill_costs = prefill_model.costs, decode_costs = decode_model.costs;
  prefill_costs.scale(prefill_model.hand_over_scale);
  decode_costs.scale(1 / std::max(1.0, decode.tokens_per_step));
  const auto run = play_tandem(prefill_costs, policy_of(prefill_model, prefill, traffic), decode_costs,
                               policy_of(decode_model, decode, traffic), t);
  fill(e, run, traffic, outside(prefill_model, traffic), 1);
  e.kv_tokens = decode_model.policy.kv_tokens * decode.engine.layout.dp;
  e.kv_load =
      run.mean_running / decode_ranks * (traffic.isl + traffic.osl / 2.0) / std::max(1.0, decode_model.policy.kv_tokens);
  e.tier =
      std::min(prefill_model.measured_share, decode_model.measured_share) > 0.5 ? time_tier::measured : time_tier::fitted;
  e.sources = prefill_model.sources;
  e.sources.insert(e.sources.end(), decode_model.sources.begin(), decode_model.sources.end());
  add_bands(e, decode.engine.backend, true);
  return e;
}

serving_estimate estimate_disaggregated(const engine_group& prefill, const engine_group& decode,
                                        const serving_traffic& traffic, const estimate_context& context) {
  serving_estimate e;
  if (e.reason = nonsense(prefill, decode, traffic); !e.reason.empty())
    return e;
  e = serve_disaggregated(sampled(prefill, traffic, context), prefill, sampled(decode, traffic, context), decode, traffic);
  if (context.measured)
    context.measured->correct(decode, &prefill, traffic, e);
  return e;
}

} // namespace sextant::performance
