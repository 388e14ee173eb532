// engine_metrics.cpp: Prometheus text of a simulated engine.
#include "adapters/simulation/engine_metrics.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "adapters/prometheus/exposition.hpp"
#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/openai_request.hpp"

namespace sextant {

namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Writes families of samples with their headers.
class page {
public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  void sample(std::string_view name, std::string_view labels, double value) {
    text_.append(name);
    if (!labels.empty())
      text_.append("{").append(labels).append("}");
    text_.append(" ").append(number(value)).append("\n");
  }
  void gauge(std::string_view name, std::string_view help, std::string_view labels, double value) {
    family(name, "gauge", help);
    sample(name, labels, value);
  }
  std::string& text() { return text_; }

private:
  std::string text_;
};

constexpr std::string_view endpoints[] = {"completions", "chat_completions"};
constexpr std::string_view types[] = {"unary", "stream"};

void write_requests(page& out, const std::string& model, const request_counts& counts) {
  out.family("dynamo_frontend_requests_started_total", "counter", "Requests accepted by the frontend");
  auto labels = [&](size_t e, size_t t) {
    return "endpoint=\"" + std::string{endpoints[e]} + "\"," + model + ",request_type=\"" + std::string{types[t]} + "\"";
  };
  for (size_t e = 0; e < 2; ++e)
    for (size_t t = 0; t < 2; ++t)
      out.sample("dynamo_frontend_requests_started_total", labels(e, t), static_cast<double>(counts.started[e][t]));
  out.family("dynamo_frontend_requests_total", "counter", "Requests that ended");
  for (size_t e = 0; e < 2; ++e) {
    for (size_t t = 0; t < 2; ++t) {
      out.sample("dynamo_frontend_requests_total", labels(e, t) + ",status=\"success\"",
                 static_cast<double>(counts.succeeded[e][t]));
      out.sample("dynamo_frontend_requests_total", labels(e, t) + ",status=\"error\"",
                 static_cast<double>(counts.failed[e][t]));
    }
  }
  out.family("dynamo_frontend_output_tokens_total", "counter", "Output tokens generated");
  out.sample("dynamo_frontend_output_tokens_total", model, static_cast<double>(counts.output_tokens));
  out.gauge("dynamo_frontend_disconnected_clients", "Clients that left early", "", static_cast<double>(counts.disconnected));
}

void write_model(page& out, const std::string& model, const engine_gauges& g) {
  const auto ranks = std::max(1, g.attention_ranks);
  const auto whole_blocks = g.kv_tokens / ranks / kv_block_tokens;
  const auto blocks = static_cast<double>(whole_blocks);
  const auto inflight = static_cast<double>(g.running + g.waiting);
  out.gauge("dynamo_frontend_inflight_requests", "Requests accepted and not finished", model, inflight);
  out.gauge("dynamo_frontend_active_requests", "Requests being handled", model, inflight);
  out.gauge("dynamo_frontend_queued_requests", "Requests waiting for their first token", model, g.waiting);
  out.gauge("dynamo_frontend_model_total_kv_blocks", "KV cache blocks of a worker (one attention rank)", model, blocks);
  out.gauge("dynamo_frontend_model_kv_cache_block_size", "Tokens of a KV cache block", model, kv_block_tokens);
  out.gauge("dynamo_frontend_model_max_num_seqs", "Sequences of a worker's batch", model, g.max_running);
  out.gauge("dynamo_frontend_model_max_num_batched_tokens", "Tokens of a worker's step", model, g.max_batched_tokens);
  out.gauge("dynamo_frontend_model_context_length", "Longest context, tokens", model, g.max_context);
  out.gauge("dynamo_frontend_model_migration_limit", "Migrations of a request", model, 0);
  out.gauge("dynamo_frontend_model_workers", "Workers that serve the model", model, 1);
  out.gauge("dynamo_frontend_model_ready", "Whether requests can be routed", model, 1);
}

void write_backend(page& out, const engine_gauges& g) {
  const auto ranks = std::max(1, g.attention_ranks);
  const auto rank_tokens = g.kv_tokens / ranks;
  const double usage = g.kv_tokens > 0 ? static_cast<double>(g.kv_tokens_used) / static_cast<double>(g.kv_tokens) : 0;
  const std::string model = "model_name=" + json_quoted(g.model);
  switch (g.backend) {
    case backend_kind::vllm:
      out.gauge("vllm:cache_config_info", "Configuration of the KV cache",
                "block_size=\"" + std::to_string(kv_block_tokens) + "\",num_gpu_blocks=\""
                    + std::to_string(rank_tokens / kv_block_tokens) + "\"",
                1);
      out.gauge("vllm:num_requests_running", "Requests in the batch", model, g.running);
      out.gauge("vllm:num_requests_waiting", "Requests in the queue", model, g.waiting);
      out.gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use", model, usage);
      break;
    case backend_kind::sglang:
      out.gauge("sglang:max_total_num_tokens", "KV cache capacity of a rank, tokens", model,
                static_cast<double>(rank_tokens));
      out.gauge("sglang:num_used_tokens", "Tokens in use", model, static_cast<double>(g.kv_tokens_used));
      out.gauge("sglang:token_usage", "Share of the KV cache in use", model, usage);
      out.gauge("sglang:num_running_reqs", "Requests in the batch", model, g.running);
      out.gauge("sglang:num_queue_reqs", "Requests in the queue", model, g.waiting);
      break;
    case backend_kind::trtllm:
      out.gauge("trtllm_kv_cache_utilization", "Share of the KV cache in use", model, usage);
      out.gauge("trtllm_num_requests_running", "Requests in the batch", model, g.running);
      out.gauge("trtllm_num_requests_waiting", "Requests in the queue", model, g.waiting);
      break;
  }
}

/// The value of the first sample of this name; 0 without one.
double first_value(const std::vector<metric_sample>& page, std::string_view name) {
  const auto found = std::find_if(page.begin(), page.end(), [&](const metric_sample& s) { return s.name == name; });
  return found == page.end() ? 0 : found->value;
}

} // namespace

std::vector<double> log_bounds(double least, double most, int count) {
  std::vector<double> bounds{0};
  for (int i = 1; i < count; ++i) {
    const double value = least * std::pow(most / least, static_cast<double>(i) / (count - 1));
    const double scale = std::pow(10, 1 - std::floor(std::log10(value)));
    bounds.push_back(std::round(value * scale) / scale);
  }
  return bounds;
}

prometheus_histogram::prometheus_histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
}

void prometheus_histogram::observe(double value) {
  ++counts_[static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin())];
  sum_ += value;
  ++count_;
}

void prometheus_histogram::write(std::string& out, std::string_view name, std::string_view help,
                                 std::string_view labels) const {
  const std::string base{name};
  out += "# HELP " + base + " " + std::string{help} + "\n# TYPE " + base + " histogram\n";
  const std::string inside = labels.empty() ? "" : std::string{labels} + ",";
  const std::string braces = labels.empty() ? "" : "{" + std::string{labels} + "}";
  const std::string bucket = base + "_bucket{" + inside + "le=\"";
  uint64_t below = 0;
  for (size_t i = 0; i < bounds_.size(); ++i) {
    below += counts_[i];
    out.append(bucket).append(number(bounds_[i])).append("\"} ").append(std::to_string(below)).append("\n");
  }
  out.append(bucket).append("+Inf\"} ").append(std::to_string(count_)).append("\n");
  out += base + "_sum" + braces + " " + number(sum_) + "\n" + base + "_count" + braces + " " + std::to_string(count_) + "\n";
}

void lag_record::add(double seconds) {
  const double position = seconds > 1e-6 ? std::log(seconds / 1e-6) / std::log(1.1) : 0;
  ++counts_[static_cast<size_t>(std::clamp(position, 0.0, static_cast<double>(classes - 1)))];
  most_ = std::max(most_, seconds);
  ++steps_;
}

double lag_record::quantile(double q) const {
  if (steps_ == 0)
    return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(q * static_cast<double>(steps_)));
  uint64_t seen = 0;
  for (size_t i = 0; i + 1 < classes; ++i) { // the last class has no upper end but the largest
    seen += counts_[i];
    if (seen >= std::max<uint64_t>(1, wanted))
      return std::min(most_, 1e-6 * std::pow(1.1, static_cast<double>(i + 1)));
  }
  return most_;
}

std::string metrics_text(const engine_gauges& gauges, const engine_metrics& metrics, const lag_record& lag) {
  page out;
  const std::string model = "model=" + json_quoted(lower_case(gauges.model));
  write_model(out, model, gauges);
  write_requests(out, model, metrics.requests);
  auto& text = out.text();
  metrics.ttft.write(text, "dynamo_frontend_time_to_first_token_seconds", "Time to first token", model);
  metrics.itl.write(text, "dynamo_frontend_inter_token_latency_seconds", "Time between tokens", model);
  metrics.duration.write(text, "dynamo_frontend_request_duration_seconds", "Duration of requests", model);
  metrics.input_tokens.write(text, "dynamo_frontend_input_sequence_tokens", "Input tokens of requests", model);
  metrics.output_tokens.write(text, "dynamo_frontend_output_sequence_tokens", "Output tokens of requests", model);
  metrics.cached_tokens.write(text, "dynamo_frontend_cached_tokens", "Prompt tokens found in the cache", model);
  write_backend(out, gauges);
  out.gauge("sextant_simulated", "1: this engine is a simulation", "", 1);
  out.gauge("sextant_simulation_speed", "Engine seconds per wall second", "", gauges.speed);
  out.family("sextant_simulation_lag_seconds", "summary", "Wall seconds by which steps were written late");
  for (double q : {0.5, 0.99, 1.0})
    out.sample("sextant_simulation_lag_seconds", "quantile=\"" + number(q) + "\"", q < 1 ? lag.quantile(q) : lag.most());
  out.sample("sextant_simulation_lag_seconds_count", "", static_cast<double>(lag.steps()));
  return std::move(text);
}

int64_t kv_tokens_from_metrics(std::string_view text, int attention_ranks) {
  const auto page = read_exposition(text);
  const double blocks = first_value(page, "dynamo_frontend_model_total_kv_blocks");
  const double size = first_value(page, "dynamo_frontend_model_kv_cache_block_size");
  return static_cast<int64_t>(blocks * size) * std::max(1, attention_ranks);
}

} // namespace sextant
