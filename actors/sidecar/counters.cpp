#include "actors/sidecar/counters.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "adapters/prometheus/exposition.hpp"

namespace sextant::sidecar {

namespace {

using samples = std::vector<metric_sample>;

constexpr std::string_view frontend_prefix = "dynamo_frontend_";

// Shares of the KV cache in use, 0..1: Dynamo's own names by release, then those of the back ends.
constexpr std::array<std::string_view, 6> usage_names{
    "dynamo_component_gpu_cache_usage_percent",
    "dynamo_component_kvstats_gpu_cache_usage_percent",
    "vllm:kv_cache_usage_perc",
    "vllm:gpu_cache_usage_perc",
    "sglang:token_usage",
    "trtllm_kv_cache_utilization",
};

// Frontends write model names in lower case.
std::string lower_case(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

metric_total frontend_total(const samples& page, std::string_view name, const std::string& model) {
  const auto full = std::string{frontend_prefix} + std::string{name};
  return model.empty() ? total_of(page, full) : total_of(page, full, {{"model", model}});
}

running_mean histogram(const samples& page, const std::string& name, const std::string& model) {
  return {frontend_total(page, name + "_sum", model).sum, frontend_total(page, name + "_count", model).sum};
}

std::optional<double> usage_of(const samples& page) {
  for (const auto name : usage_names)
    if (const auto found = total_of(page, name); found.count > 0)
      return found.sum / found.count;
  return std::nullopt;
}

std::string model_of(const samples& page) {
  std::string out;
  for (const auto& sample : page)
    if (sample.name == "dynamo_frontend_time_to_first_token_seconds_count") {
      if (!out.empty())
        return {}; // several: none in particular
      out = sample.label("model");
    }
  return out;
}

double mean(const running_mean& m) {
  return m.count > 0 ? m.sum / m.count : 0;
}

} // namespace

std::optional<serving_counters> read_counters(std::string_view frontend, const std::vector<std::string>& workers,
                                              std::string_view model, std::string& error) {
  const auto page = read_exposition(frontend);
  const auto wanted = lower_case(model);
  serving_counters out;
  out.model = wanted.empty() ? model_of(page) : wanted;
  out.ttft = histogram(page, "time_to_first_token_seconds", wanted);
  out.itl = histogram(page, "inter_token_latency_seconds", wanted);
  out.isl = histogram(page, "input_sequence_tokens", wanted);
  out.osl = histogram(page, "output_sequence_tokens", wanted);
  out.cached = histogram(page, "cached_tokens", wanted);
  const auto in_flight = frontend_total(page, "inflight_requests", wanted);
  const auto known =
      std::any_of(page.begin(), page.end(), [](const auto& s) { return s.name.starts_with(frontend_prefix); });
  if (!known) {
    error = "the page has no metric that starts with " + std::string{frontend_prefix};
    return std::nullopt;
  }
  out.in_flight = in_flight.sum;
  double usage = 0;
  int telling = 0;
  for (const auto& text : workers) {
    const auto worker = read_exposition(text);
    out.workers += worker.empty() ? 0 : 1;
    if (const auto used = usage_of(worker)) {
      usage += *used;
      ++telling;
    }
  }
  if (telling > 0)
    out.kv_usage = usage / telling;
  return out;
}

std::optional<serving_observed> window_between(const serving_counters& before, const serving_counters& after) {
  const auto difference = [](const running_mean& from, const running_mean& to) {
    return running_mean{to.sum - from.sum, to.count - from.count};
  };
  const auto ttft = difference(before.ttft, after.ttft), itl = difference(before.itl, after.itl);
  const auto isl = difference(before.isl, after.isl), osl = difference(before.osl, after.osl);
  const auto cached = difference(before.cached, after.cached);
  const double seconds = after.at_s - before.at_s;
  for (const auto& d : {ttft, itl, isl, osl, cached})
    if (d.count < 0 || d.sum < -1e-9)
      return std::nullopt;
  if (!(seconds > 0))
    return std::nullopt;
  serving_observed out;
  out.model = after.model;
  out.seconds = seconds;
  out.requests = ttft.count;
  out.tokens = itl.count;
  out.request_rate = ttft.count / seconds;
  out.output_tokens_per_s = (ttft.count + itl.count) / seconds;
  out.ttft_ms = 1000 * mean(ttft);
  out.itl_ms = 1000 * mean(itl);
  out.isl = mean(isl);
  // Outputs are counted when requests end; while none has, what was produced per request says it.
  out.osl = osl.count > 0 ? mean(osl) : ttft.count > 0 ? 1 + itl.count / ttft.count : 0;
  out.cached_share = isl.sum > 0 ? std::clamp(cached.sum / isl.sum, 0.0, 1.0) : 0;
  out.in_flight = after.in_flight;
  out.kv_usage = after.kv_usage;
  out.workers = after.workers;
  return out;
}

double decoding_at_once(const serving_observed& window) {
  return window.seconds > 0 ? window.tokens * window.itl_ms / 1000 / window.seconds : 0;
}

} // namespace sextant::sidecar
