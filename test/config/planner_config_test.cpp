#include "config/planner_config.hpp"

#include "requests.hpp"

using namespace sextant;
using namespace sextant::test;

namespace {

/// Errors of a document whose `features.planner` has these lines; the first of them is line 9.
std::vector<std::string> errors_with(const std::string& lines) {
  std::string spec = "features:\n  planner:\n";
  for (size_t start = 0; start < lines.size();) {
    const auto end = std::min(lines.find('\n', start), lines.size());
    spec += "    " + lines.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return errors_of(with_spec(spec));
}

} // namespace

TEST_CASE("a planner configuration as its newest release writes it is accepted") {
  CHECK(errors_with(
            "pre_deployment_sweeping_mode: thorough\nenvironment: kubernetes\nnamespace: null\nbackend: vllm\nmode: disagg\n"
            "optimization_target: sla\nthroughput_adjustment_interval_seconds: 180\nmax_gpu_budget: -1\nmin_endpoint: 0\n"
            "ttft_ms: 300.5\nitl_ms: 20\nload_predictor: kalman\nkalman_q_level: 0.5\nenable_throughput_scaling: true\n"
            "load_scaling_down_sensitivity: 80\nfpm_sample_bucket_size: 25\nreport_interval_hours: null\n"
            "metric_pulling_prometheus_extra_query_params: {tenant: a}\nscheduling: {}")
            .empty());
}

TEST_CASE("older releases' spellings are accepted") {
  CHECK(errors_with(
            "throughput_adjustment_interval: 180\nload_adjustment_interval: 5\nttft: 500\nitl: 50\nload_metric_samples: 10\n"
            "aic_perf_model: {hf_id: a}")
            .empty());
}

TEST_CASE("every wrong key and value of a planner configuration is named with its place") {
  const auto errors =
      errors_with("enable_throughput_scalin: true\nmode: disagregated\nmin_endpoint: two\nttft_ms: 0\n"
                  "load_scaling_down_sensitivity: 101\nadvisory: 3\naic_interpolation: []\nmodel_name: {a: 1}");
  REQUIRE(errors.size() == 8);
  CHECK(errors[0]
        == "r.yaml:9:7: spec.features.planner.enable_throughput_scalin: found the unknown key 'enable_throughput_scalin', "
           "accepted: a "
           "key of the planner's configuration (did you mean 'enable_throughput_scaling'?)");
  CHECK(
      errors[1].find(
          "r.yaml:10:13: spec.features.planner.mode: found \"disagregated\", accepted: one of disagg, prefill, decode, agg")
      == 0);
  CHECK(errors[2].find("r.yaml:11:21: spec.features.planner.min_endpoint: found \"two\", accepted: a whole number") == 0);
  CHECK(errors[3].find("spec.features.planner.ttft_ms: found \"0\", accepted: a number > 0 (ms)") != std::string::npos);
  CHECK(errors[4].find("a whole number from 0 to 100") != std::string::npos);
  CHECK(errors[5].find("spec.features.planner.advisory: found \"3\", accepted: true or false") != std::string::npos);
  CHECK(errors[6].find("spec.features.planner.aic_interpolation: found a list, accepted: an object") != std::string::npos);
  CHECK(errors[7].find("spec.features.planner.model_name: found an object, accepted: text") != std::string::npos);
}

TEST_CASE("settings that the planner refuses together are named where they stand") {
  const std::pair<const char*, const char*> cases[] = {
      {"fpm_sample_bucket_size: 15", "fpm_sample_bucket_size: found \"15\", accepted: a square number"},
      {"mode: agg\nprefill_min_endpoint: 1",
       "prefill_min_endpoint: found \"1\", accepted: no prefill_min_endpoint where mode is agg"},
      {"mode: prefill\ndecode_min_endpoint: 1", "accepted: no decode_min_endpoint where mode is prefill"},
      {"environment: global-planner", "accepted: global_planner_namespace beside it"},
      {"enable_power_awareness: true", "accepted: total_gpu_power_limit beside it"},
      {"optimization_target: sla\nenable_throughput_scaling: false", "at least one way of scaling"},
      {"optimization_target: load\nmode: decode",
       "accepted: decode_scale_up_kv_rate and decode_scale_down_kv_rate beside it"},
      {"optimization_target: load\nmode: prefill\nprefill_scale_up_queue_tokens: 5\nprefill_scale_down_queue_tokens: 5",
       "accepted: more than prefill_scale_down_queue_tokens"},
  };
  for (const auto& [lines, wanted] : cases) {
    const auto errors = errors_with(lines);
    INFO(lines);
    REQUIRE(errors.size() == 1);
    INFO(errors[0]);
    CHECK(errors[0].find(wanted) != std::string::npos);
  }
}
