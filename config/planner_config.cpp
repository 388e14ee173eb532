// planner_config.cpp: The keys of the planner's configuration and what its values must look like.
#include "config/planner_config.hpp"

#include <array>
#include <cmath>

#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

constexpr option_range whole_positive{1, 1e9};
constexpr option_range not_negative{0, 1e9};
constexpr option_range above_zero{0, 1e9, true};
constexpr option_range percent{0, 100};
constexpr option_range port{0, 65'535};
constexpr auto integer = option_type::integer;
constexpr auto number = option_type::number;
constexpr auto boolean = option_type::boolean;
constexpr auto choice = option_type::choice;
constexpr auto object = option_type::object;

// Rows are aligned by hand: one field a line would hide the table. Keys of older releases stand behind the newest's.
// clang-format off
constexpr std::array keys{
  option_row{.name = "pre_deployment_sweeping_mode", .type = choice, .choices = "none rapid thorough"},
  option_row{.name = "environment", .type = choice, .choices = "kubernetes virtual global-planner"},
  option_row{.name = "namespace"},
  option_row{.name = "backend", .type = choice, .choices = "vllm sglang trtllm mocker"},
  option_row{.name = "mode", .type = choice, .choices = "disagg prefill decode agg"},
  option_row{.name = "optimization_target", .type = choice, .choices = "throughput latency load sla"},
  option_row{.name = "log_dir"},
  option_row{.name = "throughput_adjustment_interval_seconds", .aliases = "throughput_adjustment_interval", .type = integer, .unit = "s", .range = whole_positive},
  option_row{.name = "max_throughput_scaling_replicas", .type = integer, .range = whole_positive},
  option_row{.name = "max_gpu_budget", .type = integer, .unit = "GPUs", .range = {-1, 1e6}},
  option_row{.name = "min_gpu_budget", .type = integer, .unit = "GPUs", .range = {-1, 1e6}},
  option_row{.name = "min_endpoint", .type = integer, .range = not_negative},
  option_row{.name = "prefill_min_endpoint", .type = integer, .range = whole_positive},
  option_row{.name = "decode_min_endpoint", .type = integer, .range = whole_positive},
  option_row{.name = "control_api_port", .type = integer, .range = port},
  option_row{.name = "decode_engine_num_gpu", .type = integer, .unit = "GPUs", .range = whole_positive},
  option_row{.name = "prefill_engine_num_gpu", .type = integer, .unit = "GPUs", .range = whole_positive},
  option_row{.name = "profile_results_dir"},
  option_row{.name = "aic_interpolation", .type = object},
  option_row{.name = "ais_perf_model", .aliases = "aic_perf_model", .type = object},
  option_row{.name = "ttft_ms", .aliases = "ttft", .type = number, .unit = "ms", .range = above_zero},
  option_row{.name = "itl_ms", .aliases = "itl", .type = number, .unit = "ms", .range = above_zero},
  option_row{.name = "load_predictor", .type = choice, .choices = "constant arima prophet kalman"},
  option_row{.name = "load_predictor_log1p", .type = boolean},
  option_row{.name = "prophet_window_size", .type = integer, .range = whole_positive},
  option_row{.name = "load_predictor_warmup_trace"},
  option_row{.name = "kalman_q_level", .type = number, .range = not_negative},
  option_row{.name = "kalman_q_trend", .type = number, .range = not_negative},
  option_row{.name = "kalman_r", .type = number, .range = not_negative},
  option_row{.name = "kalman_min_points", .type = integer, .range = whole_positive},
  option_row{.name = "metric_pulling_prometheus_endpoint"},
  option_row{.name = "metric_pulling_prometheus_token"},
  option_row{.name = "metric_pulling_prometheus_token_file"},
  option_row{.name = "metric_pulling_prometheus_ssl_verify", .type = boolean},
  option_row{.name = "metric_pulling_prometheus_extra_query_params", .type = object},
  option_row{.name = "metric_pulling_prometheus_ca_bundle"},
  option_row{.name = "metric_pulling_prometheus_request_timeout_seconds", .type = number, .unit = "s", .range = above_zero},
  option_row{.name = "metric_reporting_prometheus_port", .type = integer, .range = port},
  option_row{.name = "throughput_metrics_source", .type = choice, .choices = "frontend router"},
  option_row{.name = "model_name"},
  option_row{.name = "global_planner_namespace"},
  option_row{.name = "enable_throughput_scaling", .type = boolean},
  option_row{.name = "enable_load_scaling", .type = boolean},
  option_row{.name = "load_adjustment_interval_seconds", .aliases = "load_adjustment_interval", .type = integer, .unit = "s", .range = whole_positive},
  option_row{.name = "max_num_fpm_samples", .type = integer, .range = whole_positive},
  option_row{.name = "fpm_sample_bucket_size", .type = integer, .range = whole_positive},
  option_row{.name = "load_scaling_down_sensitivity", .type = integer, .range = percent},
  option_row{.name = "load_metric_samples", .type = integer, .range = whole_positive},
  option_row{.name = "load_min_observations", .type = integer, .range = whole_positive},
  option_row{.name = "prefill_scale_up_queue_tokens", .type = integer, .unit = "tokens", .range = not_negative},
  option_row{.name = "prefill_scale_down_queue_tokens", .type = integer, .unit = "tokens", .range = not_negative},
  option_row{.name = "decode_scale_up_kv_rate", .type = number, .unit = "%", .range = percent},
  option_row{.name = "decode_scale_down_kv_rate", .type = number, .unit = "%", .range = percent},
  option_row{.name = "speculative_nextn", .type = integer, .range = not_negative},
  option_row{.name = "advisory", .type = boolean},
  option_row{.name = "enable_power_awareness", .type = boolean},
  option_row{.name = "total_gpu_power_limit", .type = integer, .unit = "W", .range = whole_positive},
  option_row{.name = "report_interval_hours", .type = number, .unit = "h", .range = above_zero},
  option_row{.name = "report_output_dir"},
  option_row{.name = "report_filename"},
  option_row{.name = "report_write_gzip_log", .type = boolean},
  option_row{.name = "live_dashboard_port", .type = integer, .range = port},
  option_row{.name = "scheduling", .type = object},
  option_row{.name = "plugin_registration", .type = object},
};
// clang-format on

const option_row* key_named(std::string_view name) {
  for (const auto& row : keys) {
    if (row.name == name)
      return &row;
    for (const auto& alias : words(row.aliases))
      if (alias == name)
        return &row;
  }
  return nullptr;
}

/// Reads one object and collects what is wrong with it.
class checker {
public:
  checker(const document_node& config, const std::string& source, const std::string& path,
          std::vector<document_error>& errors)
      : config_{config}, source_{source}, path_{path}, errors_{errors} {}

  void check_keys() {
    for (std::size_t i = 0; i < config_.keys.size() && errors_.size() < document_limits::errors; ++i) {
      const auto& key = config_.keys[i];
      if (const auto* row = key_named(key.text))
        check_value(config_.items[i], *row, key.text);
      else
        unknown(key);
    }
  }

  /// What the planner refuses at its start although every value is fine by itself.
  void check_together() {
    const auto mode = text("mode", "disagg");
    if (mode == "prefill" || mode == "agg")
      contradicts("decode_min_endpoint", "no decode_min_endpoint where mode is " + mode);
    if (mode == "decode" || mode == "agg")
      contradicts("prefill_min_endpoint", "no prefill_min_endpoint where mode is " + mode);
    if (const auto* size = config_.find("fpm_sample_bucket_size"))
      if (const auto value = parse_number(size->text); value && std::pow(std::floor(std::sqrt(*value)), 2) != *value)
        complain(*size, "fpm_sample_bucket_size", "a square number, such as 16 or 25");
    if (text("environment", "") == "global-planner" && !config_.find("global_planner_namespace"))
      contradicts("environment", "global_planner_namespace beside it");
    if (is("enable_power_awareness", true) && !config_.find("total_gpu_power_limit"))
      contradicts("enable_power_awareness", "total_gpu_power_limit beside it");
    if (text("optimization_target", "throughput") == "sla" && is("enable_throughput_scaling", false)
        && !is("enable_load_scaling", true))
      contradicts("enable_throughput_scaling", "enable_load_scaling: true beside it: at least one way of scaling");
    if (text("optimization_target", "") == "load") {
      if (mode == "disagg" || mode == "prefill")
        check_thresholds("prefill_scale_up_queue_tokens", "prefill_scale_down_queue_tokens");
      if (mode != "prefill")
        check_thresholds("decode_scale_up_kv_rate", "decode_scale_down_kv_rate");
    }
  }

private:
  void complain(const document_node& at, const std::string& key, std::string accepted, std::string hint = {}) {
    errors_.push_back(
        {source_, at.line, at.column, path_ + "." + shown(key), found_text(at), std::move(accepted), std::move(hint)});
  }

  void contradicts(const std::string& key, std::string accepted) {
    if (const auto* node = config_.find(key); node && node->kind != document_node::kinds::nothing)
      complain(*node, key, std::move(accepted));
  }

  void unknown(const document_key& key) {
    std::vector<std::string> names;
    names.reserve(keys.size());
    for (const auto& row : keys)
      names.emplace_back(row.name);
    const auto nearest = nearest_name(key.text, names);
    errors_.push_back({source_, key.line, key.column, path_ + "." + shown(key.text),
                       "the unknown key '" + shown(key.text) + "'", "a key of the planner's configuration",
                       nearest.empty() ? "" : "did you mean '" + nearest + "'?"});
  }

  void check_value(const document_node& node, const option_row& row, const std::string& key) {
    if (node.kind == document_node::kinds::nothing) // null is "not set"
      return;
    std::string hint;
    const bool good = row.type == object
                          ? node.kind == document_node::kinds::mapping
                          : node.kind == document_node::kinds::scalar && canonical_value(row, node.text, hint);
    if (!good)
      complain(node, key, accepted_text(row), hint);
  }

  std::string text(std::string_view key, const std::string& otherwise) const {
    const auto* node = config_.find(key);
    return node && node->kind == document_node::kinds::scalar ? node->text : otherwise;
  }

  bool is(std::string_view key, bool value) const { return parse_boolean(text(key, "")) == value; }

  void check_thresholds(const std::string& up, const std::string& down) {
    const auto high = parse_number(text(up, "")), low = parse_number(text(down, ""));
    if (!high || !low)
      contradicts("optimization_target", std::string{up}.append(" and ").append(down).append(" beside it"));
    else if (*high <= *low)
      contradicts(up, "more than " + down);
  }

  const document_node& config_;
  const std::string& source_;
  const std::string& path_;
  std::vector<document_error>& errors_;
};

} // namespace

std::span<const option_row> planner_config_keys() {
  return keys;
}

void check_planner_config(const document_node& config, const std::string& source, const std::string& path,
                          std::vector<document_error>& errors) {
  checker check{config, source, path, errors};
  check.check_keys();
  check.check_together();
}

} // namespace sextant
