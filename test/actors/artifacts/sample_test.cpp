// sample_test.cpp: The made-up profiles, and a hidden test that writes one for a look or for interop tests:
//   SEXTANT_SAMPLE_DIR=out SEXTANT_SAMPLE=dense test_actors_artifacts "[.write-sample]"
// with SEXTANT_SAMPLE one of dense, beta (a v1beta1 request), infeasible, moe, single, nothing.
#include "sample.hpp"

#include <cmath>
#include <cstdlib>
#include <string>

#include <catch2/catch.hpp>

#include "actors/artifacts/writer.hpp"
#include "adapters/backends/dgd.hpp"

namespace sextant::sample {

namespace {

// Deterministic noise of a few permille, so that nothing looks drawn with a ruler.
double noise(int seed) {
  return 1 + 0.004 * std::sin(seed * 12.9898 + 4.1414 * (seed % 7));
}

double ttft_ms(const mapping& m, double isl) {
  const double linear = isl * 0.148 / std::pow(m.gpus, 0.86);
  return 9 + linear + isl * isl * 1.1e-6 / std::pow(m.gpus, 0.8);
}

double itl_ms(const mapping& m, double context, double n) {
  return 17.5 / std::pow(m.gpus, 0.82) + 2.0 + 0.035 * n / std::pow(m.gpus, 0.7) + n * context * 3.1e-5 / m.gpus;
}

point_measured ttft_point(const std::string& purpose, const mapping& m, int isl, int seed) {
  point_measured p;
  p.engine = "prefill-" + m.tag();
  p.plan.point = p.engine + "/" + purpose + "/isl" + std::to_string(isl);
  p.plan.kind = point_kind::ttft;
  p.plan.purpose = purpose;
  p.plan.isl = isl;
  p.plan.osl = 5;
  p.plan.attention_dp = m.attention_data_parallel();
  p.value_ms = ttft_ms(m, isl) * noise(seed);
  p.value_low_ms = p.value_ms * 0.985;
  p.value_high_ms = p.value_ms * 1.015;
  p.throughput_per_gpu = isl / p.value_ms / m.gpus * 1000 * m.attention_data_parallel();
  p.ttft.count = 8;
  p.ttft.mean = p.ttft.p50 = p.value_ms;
  p.ttft.p90 = p.ttft.p99 = p.value_ms * 1.01;
  p.engine_s = 2;
  p.clock = "scaled";
  p.simulated = true;
  return p;
}

point_measured itl_point(const std::string& purpose, const mapping& m, int isl, int osl, int n, int seed) {
  point_measured p;
  p.engine = "decode-" + m.tag();
  p.plan.point = p.engine + "/" + purpose + "/isl" + std::to_string(isl) + "-n" + std::to_string(n);
  p.plan.kind = point_kind::itl;
  p.plan.purpose = purpose;
  p.plan.isl = isl;
  p.plan.osl = osl;
  p.plan.concurrency = p.plan.requests = n;
  p.plan.attention_dp = m.attention_data_parallel();
  p.value_ms = itl_ms(m, isl + osl / 2.0, n) * noise(seed);
  p.value_low_ms = p.value_ms * 0.99;
  p.value_high_ms = p.value_ms * 1.01;
  p.throughput_per_gpu = n / p.value_ms * 1000 / m.gpus;
  p.output_tokens_per_s = p.throughput_per_gpu * m.gpus;
  p.itl.count = n;
  p.itl.mean = p.itl.p50 = p.value_ms;
  p.itl.p90 = p.itl.p99 = p.value_ms * 1.02;
  p.engine_s = p.value_ms * osl / 1000;
  p.clock = "scaled";
  p.simulated = true;
  return p;
}

engine_ready ready(const std::string& engine, int64_t kv_tokens) {
  engine_ready e;
  e.engine = engine;
  e.endpoint = "http://127.0.0.1:18000";
  e.kv_tokens = kv_tokens;
  e.kv_source = "metrics";
  e.startup_s = 40;
  e.simulated = true;
  e.log = {"INFO starting", "INFO Maximum concurrency for 40,960 tokens per request: 12.25x", "INFO ready"};
  return e;
}

profile_request request(const std::string& model, double ttft, double itl) {
  profile_request r;
  r.id = "sample-1";
  r.name = "sample";
  r.kubernetes_namespace = "demo";
  r.model.name = model;
  r.model.source = "catalogue";
  r.model.max_context = 40960;
  r.max_context = 40960;
  r.gpu.name = "h200_sxm";
  r.gpu.memory_bytes = 141e9;
  r.sla = {3000, 500, ttft, itl};
  return r;
}

void add_candidate(profile& out, phase role, const mapping& m, candidate_state state, std::string reason = {}) {
  candidate_report c;
  c.role = role;
  c.layout = m;
  c.engine = std::string{to_text(role)} + "-" + m.tag();
  c.state = state;
  c.reason = std::move(reason);
  c.weight_bytes_per_gpu = 65.5e9 / m.gpus;
  c.predicted_kv_tokens = c.kv_tokens = 250000LL * m.gpus;
  c.attempts = state == candidate_state::dropped ? 0 : 1;
  std::string error;
  c.dgd = candidate_dgd(out.what.request, role, m, error);
  if (state == candidate_state::measured)
    out.engines.push_back(ready(c.engine, c.kv_tokens));
  out.what.result.candidates.push_back(std::move(c));
}

// The reference's rule on the sample's points.
selected_engine choose(const std::vector<point_measured>& points, point_kind kind, double target,
                       const std::string& message) {
  selected_engine best;
  for (const bool meeting : {true, false}) {
    for (const auto& p : points) {
      if (p.plan.kind != kind || p.plan.purpose != "sweep" || (meeting && p.value_ms > target))
        continue;
      const bool better =
          best.engine.empty() || (meeting ? p.throughput_per_gpu > best.throughput_per_gpu : p.value_ms < best.value_ms);
      if (!better)
        continue;
      const auto digits = p.engine.find_first_of("0123456789");
      const auto dash = p.engine.find('-');
      best.engine = p.engine;
      best.layout.gpus = std::stoi(p.engine.substr(digits));
      const auto tag = p.engine.substr(dash + 1, digits - dash - 1);
      best.layout.method = tag == "TP" ? mapping_method::tp : tag == "TEP" ? mapping_method::tep : mapping_method::dep;
      best.meets_target = meeting;
      best.value_ms = p.value_ms;
      best.value_low_ms = p.value_low_ms;
      best.value_high_ms = p.value_high_ms;
      best.throughput_per_gpu = p.throughput_per_gpu;
      best.concurrency = p.plan.concurrency;
      best.kv_tokens = 250000LL * best.layout.gpus;
      best.message = meeting ? "" : message;
    }
    if (!best.engine.empty())
      break;
  }
  return best;
}

void choose_and_curve(profile& out) {
  auto& result = out.what.result;
  const auto& sla = out.what.request.sla;
  result.prefill =
      choose(out.points, point_kind::ttft, sla.ttft_ms,
             "No engine configuration satisfies the TTFT requirement, please try a smaller model or more powerful hardware");
  result.decode =
      choose(out.points, point_kind::itl, sla.itl_ms,
             "No engine configuration satisfies the ITL requirement, please try a smaller model or more powerful hardware");
  result.feasible = result.prefill.meets_target && result.decode.meets_target;
  if (!result.feasible) {
    result.binding_constraint = result.prefill.meets_target ? "itl" : "ttft";
    result.achievable = {sla.isl, sla.osl, std::ceil(result.prefill.value_high_ms), std::ceil(result.decode.value_high_ms)};
    result.alternatives.push_back({phase::prefill, result.prefill.layout, 1, result.prefill.value_ms,
                                   result.prefill.throughput_per_gpu, "lowest TTFT of all engines"});
  }
  for (int isl = 100, i = 0; isl < 40448; isl += 2521, ++i) {
    const auto p = ttft_point("curve", result.prefill.layout, isl, i);
    result.prefill_curve.push_back({isl, p.value_ms, p.throughput_per_gpu});
    out.points.push_back(p);
  }
  result.max_kv_tokens = result.decode.kv_tokens;
  for (int isl = 100; isl < 40460; isl += 6743) {
    const int most = static_cast<int>(result.max_kv_tokens / (isl + 500));
    for (int i = 0; i < 6; ++i) {
      const int n = 1 + i * (std::min(most, 2000) - 1) / 5;
      const auto p = itl_point("curve", result.decode.layout, isl, 500, n, isl + i);
      result.decode_grid.push_back(
          {(isl + 250.0) * n / static_cast<double>(result.max_kv_tokens), isl + 250.0, p.value_ms, p.throughput_per_gpu});
      out.points.push_back(p);
    }
  }
  result.points_measured = result.points_planned = static_cast<int>(out.points.size());
  result.gpu_seconds = 1834;
  result.clock = "scaled";
  result.simulated = true;
}

} // namespace

profile dense(double ttft, double itl) {
  profile out;
  out.what.request = request("Qwen/Qwen3-32B", ttft, itl);
  int seed = 0;
  for (const int gpus : {1, 2, 4, 8}) {
    const mapping m{mapping_method::tp, gpus};
    add_candidate(out, phase::prefill, m, candidate_state::measured);
    out.points.push_back(ttft_point("sweep", m, 3000, ++seed));
  }
  for (const int gpus : {1, 2, 4, 8}) {
    const mapping m{mapping_method::tp, gpus};
    add_candidate(out, phase::decode, m, gpus == 8 ? candidate_state::pruned : candidate_state::measured,
                  gpus == 8 ? "predicted upper bound 610 tokens/s/GPU is below the best measured 840 <TP=2>" : "");
    if (gpus < 8)
      for (const int n : {1, 8, 20, 32, 50, 71})
        out.points.push_back(itl_point("sweep", m, 3000, 500, n, ++seed));
  }
  add_candidate(out, phase::decode, {mapping_method::tp, 16}, candidate_state::failed, "out of attempts");
  failure error;
  error.cause = failure_cause::start_timeout;
  error.detail = "the engine was not ready within 1800 s & gave no reason";
  error.log_tail = {"loading <weights>", "still loading"};
  out.what.result.candidates.back().failures.push_back(error);
  out.what.result.attempts_failed = 1;
  choose_and_curve(out);
  return out;
}

profile moe() {
  profile out;
  out.what.request = request("Qwen/Qwen3-235B-A22B", 400, 25);
  out.what.request.backend = backend_kind::sglang;
  int seed = 100;
  for (const auto method : {mapping_method::tp, mapping_method::tep, mapping_method::dep})
    for (const int gpus : {2, 4, 8}) {
      const mapping m{method, gpus};
      add_candidate(out, phase::prefill, m, candidate_state::measured);
      auto p = ttft_point("sweep", m, 3000, ++seed);
      p.value_ms *= method == mapping_method::tep ? 1.04 : method == mapping_method::dep ? 1.9 : 1;
      p.value_low_ms = p.value_ms * 0.99;
      p.value_high_ms = p.value_ms * 1.01;
      p.throughput_per_gpu = 3000 / p.value_ms / gpus * 1000 * (method == mapping_method::dep ? 2 : 1);
      out.points.push_back(p);
    }
  for (const auto method : {mapping_method::tp, mapping_method::tep, mapping_method::dep})
    for (const int gpus : {2, 4, 8}) {
      const mapping m{method, gpus};
      add_candidate(out, phase::decode, m, candidate_state::measured);
      for (const int n : {8, 32, 64, 120, 200, 320}) {
        auto p = itl_point("sweep", m, 3000, 500, n, ++seed);
        p.value_ms *= method == mapping_method::tep ? 0.96 : method == mapping_method::dep ? 0.85 : 1;
        p.value_low_ms = p.value_ms * 0.99;
        p.value_high_ms = p.value_ms * 1.01;
        p.throughput_per_gpu = n / p.value_ms * 1000 / gpus;
        out.points.push_back(p);
      }
    }
  choose_and_curve(out);
  return out;
}

profile nothing() {
  profile out;
  out.what.request = request("Qwen/Qwen3-32B", 300, 20);
  for (const auto role : {phase::prefill, phase::decode})
    add_candidate(out, role, {mapping_method::tp, 1}, candidate_state::failed, "weights do not fit");
  out.what.result.binding_constraint = "memory";
  out.what.result.simulated = true;
  out.what.result.clock = "scaled";
  return out;
}

profile single() {
  profile out;
  out.what.request = request("Qwen/Qwen3-0.6B", 600, 30);
  const mapping m;
  for (const auto role : {phase::prefill, phase::decode})
    add_candidate(out, role, m, candidate_state::measured);
  out.points.push_back(ttft_point("sweep", m, 3000, 1));
  out.points.push_back(itl_point("sweep", m, 3000, 500, 1, 2));
  auto& result = out.what.result;
  result.prefill = choose(out.points, point_kind::ttft, 600, "");
  result.decode = choose(out.points, point_kind::itl, 30, "");
  result.feasible = true;
  result.simulated = true;
  result.clock = "virtual";
  result.points_measured = result.points_planned = 2;
  return out;
}

} // namespace sextant::sample

TEST_CASE("writes a sample output directory", "[.write-sample]") {
  const char* directory = std::getenv("SEXTANT_SAMPLE_DIR");
  const char* which = std::getenv("SEXTANT_SAMPLE");
  REQUIRE(directory != nullptr);
  const std::string name = which ? which : "dense";
  auto sample = name == "moe"          ? sextant::sample::moe()
                : name == "nothing"    ? sextant::sample::nothing()
                : name == "single"     ? sextant::sample::single()
                : name == "infeasible" ? sextant::sample::dense(30, 4)
                                       : sextant::sample::dense();
  if (name == "beta") {
    sample.what.request.api = sextant::request_api::v1beta1;
    sample.what.request.extra["planner-config"] = R"({"enable_load_scaling": false, "max_gpu_budget": 16})";
  }
  const auto outcome = sextant::write_output(directory, sample.what, sample.points, sample.engines);
  CHECK(outcome.error.empty());
}
