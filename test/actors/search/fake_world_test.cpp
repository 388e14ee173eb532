// fake_world_test.cpp: The world behind fake_world.hpp. It checks what every search must keep while it runs.
#include "fake_world.hpp"

#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "messages/subjects.hpp"

namespace sextant::testing {

namespace {

gpu_facts h200() {
  gpu_facts gpu;
  gpu.name = "h200_sxm";
  gpu.memory_bytes = 151.0e9;
  gpu.memory_bandwidth = 4.8e12;
  gpu.bf16_flops = 989e12;
  gpu.fp8_flops = 1979e12;
  gpu.intra_node_bandwidth = 450e9;
  gpu.inter_node_bandwidth = 25e9;
  gpu.power_watts = 700;
  gpu.sm_version = 90;
  return gpu;
}

model_facts dense_model() {
  model_facts m;
  m.name = "Qwen/Qwen3-32B";
  m.architecture = "Qwen3ForCausalLM";
  m.family = "LLAMA";
  m.layers = 64, m.hidden = 5120, m.heads = 64, m.kv_heads = 8, m.head_dim = 128;
  m.intermediate = 25600, m.vocab = 151936, m.max_context = 40960;
  return m;
}

model_facts moe_model() {
  model_facts m;
  m.name = "Qwen/Qwen3-30B-A3B";
  m.architecture = "Qwen3MoeForCausalLM";
  m.family = "MOE";
  m.layers = 48, m.hidden = 2048, m.heads = 32, m.kv_heads = 4, m.head_dim = 128;
  m.intermediate = 6144, m.vocab = 151936, m.max_context = 40960;
  m.experts = 128, m.experts_per_token = 8, m.moe_intermediate = 768;
  m.moe_quant = "bfloat16";
  m.is_moe = true;
  return m;
}

model_facts mla_model() {
  model_facts m;
  m.name = "deepseek-ai/DeepSeek-V3";
  m.architecture = "DeepseekV3ForCausalLM";
  m.family = "DEEPSEEK";
  m.layers = 61, m.hidden = 7168, m.heads = 128, m.kv_heads = 128, m.head_dim = 56;
  m.intermediate = 18432, m.vocab = 129280, m.max_context = 163840;
  m.experts = 256, m.experts_per_token = 8, m.moe_intermediate = 2048;
  m.shared_experts = 1, m.shared_intermediate = 2048, m.first_dense_layers = 3;
  m.q_lora_rank = 1536, m.kv_lora_rank = 512, m.qk_nope_head_dim = 128, m.qk_rope_head_dim = 64, m.v_head_dim = 128;
  m.gemm_quant = m.moe_quant = "fp8_block";
  m.kv_quant = m.attention_quant = "fp8";
  m.quantization_block = 128;
  m.is_moe = m.is_mla = true;
  return m;
}

uint64_t number_of(const std::string& text) {
  return std::stoull(stable_hash(text), nullptr, 16);
}

} // namespace

profile_request request_for(sample which, search_policy policy) {
  profile_request r;
  r.id = "test";
  r.model = which == sample::dense ? dense_model() : which == sample::moe ? moe_model() : mla_model();
  r.gpu = h200();
  r.policy = policy;
  r.sla = {3000, 500, 300, 20};
  r.max_context = r.model.max_context;
  r.simulation = "virtual";
  if (which == sample::mla) {
    r.min_gpus_per_engine = 8;
    r.max_gpus_per_engine = 32;
    r.pool_gpus = 64;
    r.sla.ttft_ms = 1000;
    r.sla.itl_ms = 40;
  } else {
    r.pool_gpus = 16;
  }
  return r;
}

fake_world::fake_world(const profile_request& request, world_settings settings)
    : request_(request), settings_(std::move(settings)) {
}

double fake_world::draw(const std::string& what, double low, double high) const {
  std::mt19937_64 generator(number_of(std::to_string(settings_.seed) + "/" + what));
  return std::uniform_real_distribution<double>(low, high)(generator);
}

bool fake_world::injected(double share, const std::string& what) {
  if (share <= 0 || injections_[what] >= settings_.most_injected)
    return false;
  if (std::uniform_real_distribution<double>(0, 1)(order_) >= share)
    return false;
  ++injections_[what];
  return true;
}

const step_model& fake_world::model(const mapping& layout) const {
  auto& entry = models_[layout.tag()];
  if (!entry)
    entry = make_step_model({request_.model, request_.gpu, request_.backend, layout});
  return *entry;
}

int64_t fake_world::kv_tokens(const deploy_engine& work) const {
  const auto plan = plan_memory({request_.model, request_.gpu, request_.backend, work.layout}, 1);
  return static_cast<int64_t>(static_cast<double>(plan.kv_tokens) * draw(work.engine + "/kv", 0.95, 1.05));
}

double fake_world::latency_ms(const measure_point& work) const {
  const auto& plan = work.plan;
  const mapping layout = engines_.at(work.engine).what.layout;
  const double model_ms = plan.kind == point_kind::ttft
                              ? predicted_ttft_ms(model(layout), layout, plan.isl)
                              : predicted_itl_ms(model(layout), layout, plan.concurrency, plan.isl + plan.osl / 2.0);
  const double factor = draw(work.engine + "/factor", 1 - settings_.mapping_spread, 1 + settings_.mapping_spread);
  // The shape over load and length is a little off as well.
  const double tilt = std::pow(plan.kind == point_kind::ttft ? plan.isl / 3000.0 : plan.concurrency / 50.0,
                               draw(work.engine + "/tilt", 0, 0.02));
  // All of it together is what the model's band allows.
  const double deviation = std::clamp(factor * tilt, 1 - settings_.mapping_spread, 1 + settings_.mapping_spread);
  const auto traffic =
      "/" + std::to_string(plan.isl) + "/" + std::to_string(plan.osl) + "/" + std::to_string(plan.concurrency);
  return model_ms * deviation * (1 + draw(work.engine + traffic, -1, 1) * settings_.noise);
}

/// Prompt tokens that warming must compute: what shorter contexts and smaller counts left in the cache is reused.
double fake_world::uncached_tokens(const point_plan& plan, engine& on) const {
  double tokens = 0;
  for (int i = 0; i < plan.requests; ++i) {
    int cached = 0;
    for (const auto& [length, count] : on.warmed)
      if (i < count)
        cached = std::max(cached, length);
    tokens += std::max(plan.isl - cached, 0);
  }
  // Longer prompts push older ones out once the cache is full.
  if (static_cast<double>(plan.isl) * plan.requests > 0.5 * static_cast<double>(on.kv_tokens))
    on.warmed.clear();
  on.warmed[plan.isl] = std::max(on.warmed[plan.isl], plan.requests);
  return tokens;
}

point_measured fake_world::play(const measure_point& work, engine& on) {
  const auto& plan = work.plan;
  const auto& layout = on.what.layout;
  const int ranks = layout.attention_data_parallel();
  point_measured m;
  m.engine = work.engine;
  m.engine_attempt = work.engine_attempt;
  m.attempt = work.attempt;
  m.plan = plan;
  m.value_ms = latency_ms(work);
  m.value_low_ms = m.value_ms * (1 - settings_.noise);
  m.value_high_ms = m.value_ms * (1 + settings_.noise);
  m.clock = "virtual";
  m.simulated = true;
  const double prompt_s = predicted_ttft_ms(model(layout), layout, plan.isl) / 1000;
  if (plan.purpose == "confirm") { // both latencies, of the two engines together
    const auto& prefill = on.what.prefill_layout;
    const double slowness = pairs_++ < settings_.slow_pairs ? settings_.pair_slowness : 1;
    m.itl.p50 = m.value_ms * (1 - settings_.mapping_spread) * slowness;
    m.ttft.p50 = predicted_ttft_ms(model(prefill), prefill, plan.isl) * (1 - settings_.mapping_spread) * slowness;
    m.output_tokens_per_s = plan.concurrency * 1000 / m.itl.p50;
    m.engine_s = plan.osl * m.itl.p50 / 1000;
  } else if (plan.kind == point_kind::ttft) {
    m.throughput_per_gpu = plan.isl / m.value_ms / layout.gpus * 1000 * ranks;
    m.waves = plan.min_waves;
    m.engine_s = m.value_ms / 1000 * (plan.warmup_requests + m.waves * plan.requests) / ranks;
  } else {
    const double wave_s = m.value_ms / 1000 * plan.osl;
    m.output_tokens_per_s = plan.concurrency * plan.osl / (wave_s + m.value_ms / 1000);
    m.throughput_per_gpu = m.output_tokens_per_s / layout.gpus;
    m.waves = plan.max_waves > 1 && plan.concurrency < 4 ? plan.max_waves : 1;
    m.engine_s =
        uncached_tokens(plan, on) / plan.isl * prompt_s / ranks + m.value_ms / 1000 * plan.warm_osl + wave_s * m.waves;
  }
  return m;
}

result_event fake_world::start(const deploy_engine& work) {
  if (auto broken = settings_.broken.find(work.engine); broken != settings_.broken.end())
    return engine_failed{work.engine, work.attempt, broken->second};
  if (injected(settings_.engine_failures, work.engine))
    return engine_failed{
        work.engine, work.attempt, {failure_class::transient, failure_cause::start_timeout, "injected", {}}};
  const auto tokens = kv_tokens(work);
  engines_[work.engine] = {work, tokens, {}};
  engine_ready ready;
  ready.engine = work.engine;
  ready.attempt = work.attempt;
  ready.endpoint = "virtual:" + work.engine;
  ready.kv_tokens = tokens;
  ready.startup_s = settings_.startup_s;
  ready.simulated = true;
  return ready;
}

result_event fake_world::measure(const measure_point& work) {
  const auto& id = work.plan.point;
  auto on = engines_.find(work.engine);
  // What was lost between the search's decision and now.
  if (on == engines_.end())
    return attempt_failed{work.engine,
                          work.engine_attempt,
                          id,
                          work.attempt,
                          {failure_class::transient, failure_cause::engine_gone, "refused", {}}};
  const bool dies = settings_.broken_curves.count(work.engine) && work.plan.purpose == "curve";
  if (dies || injected(settings_.engine_failures, work.engine)) {
    engines_.erase(on);
    const failure why{dies ? failure_class::permanent : failure_class::transient, failure_cause::node_lost, "injected", {}};
    // Half of the losses are seen by the measurement first.
    if (!dies && order_() % 2)
      return attempt_failed{work.engine,
                            work.engine_attempt,
                            id,
                            work.attempt,
                            {failure_class::transient, failure_cause::engine_gone, "refused", {}}};
    return engine_lost{work.engine, work.engine_attempt, why};
  }
  if (settings_.broken_points.count(id))
    return attempt_failed{work.engine,
                          work.engine_attempt,
                          id,
                          work.attempt,
                          {failure_class::permanent, failure_cause::request_failed, "broken", {}}};
  if (injected(settings_.attempt_failures, id))
    return attempt_failed{work.engine,
                          work.engine_attempt,
                          id,
                          work.attempt,
                          {failure_class::transient, failure_cause::records_lost, "injected", {}}};
  INFO("measured twice: " << id);
  CHECK(measured_.insert(id).second);
  return play(work, on->second);
}

namespace {

std::string key_of(const std::string& engine, int attempt) {
  return engine + "#" + std::to_string(attempt);
}

std::string key_of(const std::string& point, int engine_attempt, int attempt) {
  return point + "#" + std::to_string(engine_attempt) + "." + std::to_string(attempt);
}

} // namespace

void fake_world::settle(const result_event& result) {
  if (auto* ready = std::get_if<engine_ready>(&result))
    settled_.insert(key_of(ready->engine, ready->attempt));
  else if (auto* failed = std::get_if<engine_failed>(&result))
    settled_.insert(key_of(failed->engine, failed->attempt));
  else if (auto* point = std::get_if<point_measured>(&result))
    settled_.insert(key_of(point->plan.point, point->engine_attempt, point->attempt));
  else if (auto* missed = std::get_if<attempt_failed>(&result))
    settled_.insert(key_of(missed->point, missed->engine_attempt, missed->attempt));
  else if (std::holds_alternative<artifacts_written>(result))
    settled_.insert("write#" + std::to_string(++writes_));
}

void fake_world::replay(const std::vector<result_event>& results) {
  for (const auto& result : results) {
    settle(result);
    if (auto* ready = std::get_if<engine_ready>(&result)) {
      deploy_engine what;
      what.engine = ready->engine;
      what.attempt = ready->attempt;
      const auto tag = ready->engine.substr(ready->engine.find('-') + 1);
      const auto digits = tag.find_first_of("0123456789");
      const auto method = tag.substr(0, digits);
      what.layout.method = method == "TP" ? mapping_method::tp : method == "TEP" ? mapping_method::tep : mapping_method::dep;
      what.layout.gpus = std::stoi(tag.substr(digits));
      engines_[ready->engine] = {what, ready->kv_tokens, {}};
    } else if (auto* lost = std::get_if<engine_lost>(&result)) {
      engines_.erase(lost->engine);
    } else if (auto* released = std::get_if<engine_released>(&result)) {
      engines_.erase(released->engine);
    } else if (auto* point = std::get_if<point_measured>(&result)) {
      measured_.insert(point->plan.point);
    } else if (auto* failed = std::get_if<attempt_failed>(&result)) {
      if (failed->error.cause == failure_cause::engine_gone)
        engines_.erase(failed->engine);
    }
  }
}

world_log fake_world::run(search_core& search, uint64_t order_seed, int steps) {
  order_.seed(order_seed);
  world_log log;
  while (steps-- > 0) {
    auto work = search.wanted();
    if (work.finished) {
      log.finished = true;
      break;
    }
    std::set<std::string> busy;
    int gpus = 0, alive = 0;
    for (const auto& x : work.deploy)
      gpus += x.gpus();
    for (const auto& [name, e] : engines_) {
      gpus += e.what.gpus();
      ++alive;
    }
    log.most_engines = std::max(log.most_engines, alive);
    log.most_gpus = std::max(log.most_gpus, gpus);
    for (const auto& x : work.measure)
      CHECK(busy.insert(x.engine).second);
    std::erase_if(work.deploy, [&](const auto& x) { return settled_.count(key_of(x.engine, x.attempt)) > 0; });
    std::erase_if(work.measure,
                  [&](const auto& x) { return settled_.count(key_of(x.plan.point, x.engine_attempt, x.attempt)) > 0; });
    work.write = work.write && settled_.count("write#" + std::to_string(work.write_attempt)) == 0;
    const size_t count = work.deploy.size() + work.measure.size() + work.release.size() + (work.write ? 1 : 0);
    if (count == 0)
      break;
    size_t chosen = order_() % count;
    result_event result;
    if (chosen < work.deploy.size()) {
      result = start(work.deploy[chosen]);
    } else if ((chosen -= work.deploy.size()) < work.measure.size()) {
      result = measure(work.measure[chosen]);
    } else if ((chosen -= work.measure.size()) < work.release.size()) {
      const auto& x = work.release[chosen];
      engines_.erase(x.engine);
      result = engine_released{x.engine, x.attempt, 1};
    } else {
      result = artifacts_written{"out", {}};
    }
    settle(result);
    auto news = search.apply(result);
    log.results.push_back(std::move(result));
    log.news.insert(log.news.end(), news.begin(), news.end());
  }
  log.result = search.result();
  return log;
}

} // namespace sextant::testing
