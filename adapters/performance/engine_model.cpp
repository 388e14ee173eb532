#include "adapters/performance/engine_model.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "adapters/performance/memory_plan.hpp"
#include "adapters/performance/roofline_timer.hpp"

namespace sextant::performance {

namespace {

/// Scales what tables answer; formulas have their constants already.
class served_timer final : public op_timer {
public:
  served_timer(std::shared_ptr<const op_timer> inner, const table_parameters& served)
      : inner_{std::move(inner)}, served_{served} {}

  op_time time(const op& x, const op_load& load) const override {
    auto t = inner_->time(x, load);
    if (t.tier == time_tier::measured)
      t.seconds *= factor(x);
    return t;
  }
  std::string source(int index) const override { return inner_->source(index); }

private:
  double factor(const op& x) const {
    switch (x.kind) {
      case op_kind::gemm:
      case op_kind::mla_bmm:
        return served_.products;
      case op_kind::moe:
        return served_.experts;
      case op_kind::all_reduce:
      case op_kind::all_gather:
      case op_kind::reduce_scatter:
      case op_kind::all_to_all:
      case op_kind::p2p:
        return served_.collectives;
      default: // attention alone, or a module around it
        return served_.attention;
    }
  }

  std::shared_ptr<const op_timer> inner_;
  table_parameters served_;
};

op_load rows_load(double rows, double sequences) {
  op_load load;
  load.tokens = rows;
  load.sequences = sequences;
  return load;
}

/// Share, error and sources of a step, weighted by time.
void describe_sources(const step_timer& timer, const op_load& load, engine_model& model) {
  const auto parts = timer.breakdown(load);
  model.measured_share = parts.measured_share;
  model.error = parts.error;
  std::set<std::string> sources;
  for (const auto& op : parts.ops)
    if (op.tier == time_tier::measured)
      sources.insert(op.source);
  model.sources.assign(sources.begin(), sources.end());
}

} // namespace

std::shared_ptr<const op_timer> make_fitted_timer(const engine_spec& engine, const model_parameters& parameters) {
  const auto& g = parameters.of(engine.gpu);
  const auto& b = parameters.of(engine.backend);
  auto rates = rates_of(engine.gpu);
  rates.launch_s = b.launch_s;
  rates.elementwise_s = b.elementwise_s;
  rates.quantise_s = b.quantise_s;
  rates.read_share = g.read_share;
  rates.expert_read_share = g.expert_read_share;
  rates.cache_read_share = b.cache_read_share;
  rates.attention_share = g.attention_share;
  rates.gemm_share_16 = g.gemm_share_16;
  rates.gemm_share_8 = g.gemm_share_8;
  rates.gemm_share_4 = g.gemm_share_4;
  rates.expert_share = g.expert_share;
  rates.link_share = parameters.link_share;
  rates.ramp_rows = parameters.ramp_rows;
  // Links without NVLink keep their own, longer latency.
  rates.link_latency_s = std::max(g.link_latency_s, engine.gpu.intra_node_bandwidth < 100e9 ? rates.link_latency_s : 0.0);
  return make_roofline_timer(engine, rates);
}

std::shared_ptr<const op_timer> make_served_timer(std::shared_ptr<const op_timer> tables,
                                                  const model_parameters& parameters) {
  return std::make_shared<served_timer>(std::move(tables), parameters.tables);
}

std::shared_ptr<const op_timer> timer_of(const engine_spec& engine, const timer_factory& tables,
                                         const model_parameters& parameters) {
  auto timer = make_fitted_timer(engine, parameters);
  if (tables)
    if (auto measured = tables(engine, timer))
      timer = make_served_timer(std::move(measured), parameters);
  return timer;
}

step_parameters served_step_parameters(backend_kind backend, const model_parameters& parameters) {
  auto p = default_parameters(backend);
  const auto& b = parameters.of(backend);
  p.host_s = b.host_s;
  p.host_sequence_s = b.host_sequence_s;
  p.prompt_layer_s = b.prompt_layer_s;
  return p;
}

scheduling_policy default_policy(const engine_spec& engine, double kv_tokens) {
  scheduling_policy policy;
  policy.kv_tokens = kv_tokens;
  const bool large = engine.gpu.memory_bytes > 60e9;
  switch (engine.backend) {
    case backend_kind::vllm: // defaults of its server: max_num_batched_tokens, max_num_seqs
      policy.step_tokens = large ? 8192 : 2048;
      policy.most_running = large ? 1024 : 256;
      break;
    case backend_kind::sglang: // prompts first, decoding waits; chunked_prefill_size by memory
      policy.mixed_steps = false;
      policy.step_tokens = engine.gpu.memory_bytes > 163840.0 * (1 << 20) ? 16384 : large ? 8192 : 4096;
      policy.most_running = 4096;
      break;
    case backend_kind::trtllm: // guaranteed without eviction, whole prompts, max_batch_size
      policy.chunked = false;
      policy.reserved_output = 1;
      policy.step_tokens = 8192;
      policy.most_running = 2048;
      break;
  }
  return policy;
}

engine_model model_engine(const engine_spec& engine, const timer_factory& tables, const model_parameters& parameters,
                          double typical_batch, double typical_context) {
  const step_timer steps{engine, timer_of(engine, tables, parameters), served_step_parameters(engine.backend, parameters)};
  const auto& b = parameters.of(engine.backend);
  const double stages = std::max(1, engine.layout.pp);
  engine_model model;
  auto& c = model.costs;
  c.dense_decode = sampled_curve::of([&](double rows) {
    const double padded = steps.padded(std::max(1.0, rows / stages));
    return steps.rows_seconds(false, op_rows::all, rows_load(padded, padded));
  });
  c.dense_mixed = sampled_curve::of([&](double rows) {
    const double each = std::max(1.0, rows / stages);
    return b.mixed_scale * steps.rows_seconds(true, op_rows::all, rows_load(each, std::min(each, 8.0)));
  });
  const auto prompt = [&](double tokens, double context) {
    return steps.rows_seconds(true, op_rows::prefill, load_of(1, tokens, context, 1, 0, 0));
  };
  c.prompt = sampled_curve::of([&](double tokens) { return tokens < 1 ? 0 : prompt(tokens, 0); });
  constexpr double chunk = 2048, far = 8192;
  c.prompt_pair_s = std::max(0.0, prompt(chunk, far) - prompt(chunk, 0)) / (chunk * far);
  const auto decode = [&](double requests, double context) {
    const auto load = load_of(0, 0, 0, 0, std::max(1.0, requests / stages), context);
    return requests < 1 ? 0 : steps.rows_seconds(false, op_rows::decode, load);
  };
  c.decode = sampled_curve::of([&](double requests) { return decode(requests, c.context_low); });
  c.decode_more = sampled_curve::of(
      [&](double requests) { return std::max(0.0, decode(requests, c.context_high) - decode(requests, c.context_low)); });
  c.host_s = b.host_s;
  c.host_sequence_s = b.host_sequence_s;
  c.host_request_s = b.host_request_s;
  c.prompt_launch_s = b.prompt_layer_s * engine.model.layers / stages;
  model.policy = default_policy(engine, kv_tokens_of_running(engine));
  model.first_token_s = b.first_token_s;
  model.prompt_token_s = b.prompt_token_s;
  // Every GPU hands its own shard over the network between nodes, at the share that collectives reach as well.
  model.hand_over_scale = parameters.hand_over_scale;
  model.transfer_s = 5e-3;
  if (engine.gpu.inter_node_bandwidth > 0)
    model.transfer_s_per_token = kv_bytes_per_token(engine) / (engine.gpu.inter_node_bandwidth * parameters.link_share);
  describe_sources(steps, load_of(0, 0, 0, 0, typical_batch, typical_context), model);
  return model;
}

} // namespace sextant::performance
