// export.cpp: Metrics of a point under the names, units and statistics of AIPerf.
#include "adapters/aiperf/export.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <optional>
#include <vector>

#include "adapters/aiperf/format.hpp"
#include "adapters/aiperf/load_export.hpp"
#include "messages/point_value.hpp"

namespace sextant {

namespace {

using aiperf::iso_time;
using aiperf::json;
using aiperf::statistics;
using aiperf::text_of;
using aiperf::two_decimals;

/// One metric: its key, its name for people, its unit, and one value per valid request, or a single value.
struct metric {
  const char* tag;
  const char* header;
  const char* unit;
  std::vector<double> values;
  bool single = false;
};

bool is_valid(const request_samples& s, size_t i) {
  return s.error[i].empty();
}

/// One value for every valid request for which `of` gives a finite one.
template <class Function>
metric per_request(const char* tag, const char* header, const char* unit, const request_samples& s, const Function& of) {
  metric m{tag, header, unit, {}, false};
  for (size_t i = 0; i < s.error.size(); ++i)
    if (is_valid(s, i))
      if (const double x = of(i); std::isfinite(x))
        m.values.push_back(x);
  return m;
}

metric single(const char* tag, const char* header, const char* unit, double value) {
  return {tag, header, unit, {value}, true};
}

std::vector<metric> request_metrics(const request_samples& s) {
  const auto nothing = std::nan("");
  return {
      per_request("time_to_first_token", "Time to First Token", "ms", s, [&](size_t i) { return s.ttft_ms[i]; }),
      per_request("time_to_second_token", "Time to Second Token", "ms", s,
                  [&](size_t i) { return s.output_tokens[i] > 1 && i < s.second_ms.size() ? s.second_ms[i] : nothing; }),
      per_request("request_latency", "Request Latency", "ms", s, [&](size_t i) { return s.latency_ms[i]; }),
      per_request("inter_token_latency", "Inter Token Latency", "ms", s,
                  [&](size_t i) { return s.output_tokens[i] > 1 ? s.itl_ms[i] : nothing; }),
      per_request("output_token_throughput_per_user", "Output Token Throughput Per User", "tokens/sec/user", s,
                  [&](size_t i) { return s.itl_ms[i] > 0 ? 1e3 / s.itl_ms[i] : nothing; }),
      per_request("decode_duration", "Decode Duration", "ms", s, [&](size_t i) { return s.latency_ms[i] - s.ttft_ms[i]; }),
      per_request("e2e_output_token_throughput", "End-to-End Output Token Throughput", "tokens/sec", s,
                  [&](size_t i) { return s.latency_ms[i] > 0 ? s.output_tokens[i] / s.latency_ms[i] * 1e3 : nothing; }),
      per_request("prefill_throughput_per_user", "Prefill Throughput Per User", "tokens/sec/user", s,
                  [&](size_t i) { return s.ttft_ms[i] > 0 ? s.input_tokens[i] / s.ttft_ms[i] * 1e3 : nothing; }),
      per_request("output_sequence_length", "Output Sequence Length", "tokens", s,
                  [&](size_t i) { return s.output_tokens[i]; }),
      per_request("input_sequence_length", "Input Sequence Length", "tokens", s,
                  [&](size_t i) { return s.input_tokens[i]; }),
      per_request("output_token_count", "Output Token Count", "tokens", s, [&](size_t i) { return s.output_tokens[i]; }),
  };
}

/// Nanoseconds since 1970 of an RFC 3339 time in UTC; nothing for other texts.
std::optional<int64_t> unix_ns_of(const std::string& text) {
  tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (!rest || (*rest != '.' && *rest != 'Z'))
    return std::nullopt;
  int64_t ns = timegm(&parts) * int64_t{1'000'000'000};
  if (*rest == '.')
    for (int64_t digit = 100'000'000; *++rest >= '0' && *rest <= '9'; digit /= 10)
      ns += (*rest - '0') * digit;
  return ns;
}

/// Wall clock of a moment this many engine milliseconds after the first send; of the first send itself without a wall clock
/// 0.
int64_t moment_ns(const request_samples& s, double since_first_ms) {
  return unix_ns_of(s.started).value_or(0) + std::llround(since_first_ms * 1e6);
}

double end_of(const request_samples& s) {
  double last_ms = 0;
  for (size_t i = 0; i < s.error.size(); ++i)
    last_ms = std::max(last_ms, s.start_ms[i] + s.latency_ms[i]);
  return last_ms;
}

std::vector<metric> whole_metrics(const point_measured& p) {
  const auto& s = p.samples;
  double isl = 0, osl = 0, cached = 0, count = 0, errors = 0, first_ms = 0, last_ms = 0;
  for (size_t i = 0; i < s.error.size(); ++i) {
    if (!is_valid(s, i)) {
      ++errors;
      continue;
    }
    isl += s.input_tokens[i];
    osl += s.output_tokens[i];
    cached += s.cached_tokens[i];
    first_ms = count == 0 ? s.start_ms[i] : std::min(first_ms, s.start_ms[i]);
    last_ms = std::max(last_ms, s.start_ms[i] + s.latency_ms[i]);
    ++count;
  }
  // The same seconds as in our own throughput: pauses between waves do not count.
  const double seconds = p.output_tokens_per_s > 0 ? osl / p.output_tokens_per_s : (last_ms - first_ms) / 1e3;
  const auto rate = [seconds](double x) { return seconds > 0 ? x / seconds : 0; };
  return {
      single("output_token_throughput", "Output Token Throughput", "tokens/sec", rate(osl)),
      single("total_token_throughput", "Total Token Throughput", "tokens/sec", rate(isl + osl)),
      single("request_throughput", "Request Throughput", "requests/sec", rate(count)),
      single("request_count", "Request Count", "requests", count),
      single("error_request_count", "Error Request Count", "requests", errors),
      single("min_request_timestamp", "Minimum Request Timestamp", "ns", static_cast<double>(moment_ns(s, first_ms))),
      single("max_response_timestamp", "Maximum Response Timestamp", "ns", static_cast<double>(moment_ns(s, last_ms))),
      single("benchmark_duration", "Benchmark Duration", "sec", seconds),
      single("total_isl", "Total Input Sequence Length", "tokens", isl),
      single("total_osl", "Total Output Sequence Length", "tokens", osl),
      single("total_output_tokens", "Total Output Tokens", "tokens", osl),
      single("overall_usage_prompt_cache_read_pct", "Overall Usage Prompt Cache Read", "%",
             isl > 0 ? cached / isl * 100 : 0),
  };
}

json metric_json(const metric& m) {
  json out;
  out["unit"] = m.unit;
  if (m.single) {
    out["avg"] = m.values.front();
    return out;
  }
  const auto d = describe_samples(m.values);
  for (const auto& [name, value] : statistics(d))
    out[name] = value;
  out["count"] = d.count;
  out["sum"] = d.mean * static_cast<double>(d.count);
  return out;
}

std::string benchmark_id(const profile_request& request, const point_measured& p) {
  return stable_uuid(request.id + '\n' + p.plan.point + '\n' + std::to_string(p.engine_attempt) + '.'
                     + std::to_string(p.attempt));
}

json input_config(const profile_request& request, const point_plan& plan, int count) {
  json out;
  out["endpoint"] = {{"model_names", json::array({request.model.name})}, {"type", "completions"}, {"streaming", true}};
  out["loadgen"] = {
      {"concurrency", plan.concurrency}, {"request_count", count}, {"warmup_request_count", plan.warmup_requests}};
  out["input"]["prompt"]["input_tokens"] = {{"mean", plan.isl}, {"stddev", 0}};
  out["input"]["prompt"]["output_tokens"] = {{"mean", plan.osl}, {"stddev", 0}};
  out["input"]["extra"] = {{"max_tokens", plan.osl}, {"min_tokens", plan.osl}, {"ignore_eos", true}};
  out["input"]["random_seed"] = plan.prompt_seed;
  return out;
}

json error_json(const std::string& message) {
  const bool timed_out = message.find("in time") != std::string::npos;
  return {{"code", nullptr}, {"type", timed_out ? "TimeoutError" : "RequestError"}, {"message", message}};
}

/// Errors by message with their number, in order of appearance.
json error_summary(const request_samples& s) {
  std::vector<std::pair<std::string, int>> seen;
  for (const auto& error : s.error) {
    if (error.empty())
      continue;
    const auto i = std::find_if(seen.begin(), seen.end(), [&](const auto& e) { return e.first == error; });
    if (i == seen.end())
      seen.emplace_back(error, 1);
    else
      ++i->second;
  }
  auto out = json::array();
  for (const auto& [error, count] : seen)
    out.push_back({{"error_details", error_json(error)}, {"count", count}});
  return out;
}

/// What AIPerf has no place for.
json own_facts(const point_measured& p) {
  return {
      {"point", p.plan.point},
      {"engine", p.engine},
      {"kind", std::string{to_text(p.plan.kind)}},
      {"value_ms", p.value_ms},
      {"value_low_ms", p.value_low_ms},
      {"value_high_ms", p.value_high_ms},
      {"throughput_per_gpu", p.throughput_per_gpu},
      {"waves", p.waves},
      {"stopped", std::string{to_text(p.stopped)}},
      {"valid", p.valid},
      {"clock", p.clock},
      {"speed", p.speed},
      {"simulated", p.simulated},
      {"cached_share", p.cached_share},
      {"time_origin", p.samples.started.empty() ? "first send" : "wall clock at the first send, engine time from there on"},
      {"remarks", p.remarks}};
}

std::string summary_json(const profile_request& request, const point_measured& p) {
  json out;
  out["schema_version"] = aiperf::schema_version;
  out["aiperf_version"] = aiperf::imitated_version;
  out["benchmark_id"] = benchmark_id(request, p);
  for (const auto& metrics : {request_metrics(p.samples), whole_metrics(p)})
    for (const auto& m : metrics)
      if (!m.values.empty())
        out[m.tag] = metric_json(m);
  out["input_config"] = input_config(request, p.plan, static_cast<int>(p.samples.error.size()));
  out["was_cancelled"] = false;
  out["error_summary"] = error_summary(p.samples);
  const bool timed = unix_ns_of(p.samples.started).has_value();
  out["start_time"] = timed ? json(iso_time(moment_ns(p.samples, 0))) : json(nullptr);
  out["end_time"] = timed ? json(iso_time(moment_ns(p.samples, end_of(p.samples)))) : json(nullptr);
  out["sextant"] = own_facts(p);
  return text_of(out, 2) + '\n';
}

std::string summary_csv(const point_measured& p) {
  std::string out = aiperf::table_head();
  for (const auto& m : request_metrics(p.samples)) {
    if (m.values.empty())
      continue;
    out += std::string{m.header} + " (" + m.unit + ')' + aiperf::table_cells(describe_samples(m.values));
  }
  out += "\nMetric,Value\n";
  for (const auto& m : whole_metrics(p))
    out += std::string{m.header} + " (" + m.unit + ")," + two_decimals(m.values.front()) + '\n';
  return out;
}

json record_json(const profile_request& request, const point_measured& p, size_t i) {
  const auto& s = p.samples;
  const auto id = benchmark_id(request, p) + '\n' + std::to_string(i);
  const int64_t start_ns = moment_ns(s, s.start_ms[i]);
  json out;
  out["metadata"] = {{"session_num", i},
                     {"x_request_id", stable_uuid(id)},
                     {"x_correlation_id", stable_uuid(id + " correlation")},
                     {"conversation_id", session_name(static_cast<uint32_t>(i))},
                     {"turn_index", 0},
                     {"request_start_ns", start_ns},
                     {"request_ack_ns", nullptr},
                     {"request_end_ns", start_ns + std::llround(s.latency_ms[i] * 1e6)},
                     {"worker_id", "sextant"},
                     {"record_processor_id", "sextant"},
                     {"benchmark_phase", "profiling"},
                     {"was_cancelled", false},
                     {"cancellation_time_ns", nullptr}};
  out["metrics"] = json::object();
  request_samples one;
  one.start_ms = {s.start_ms[i]};
  one.ttft_ms = {s.ttft_ms[i]};
  if (i < s.second_ms.size())
    one.second_ms = {s.second_ms[i]};
  one.itl_ms = {s.itl_ms[i]};
  one.latency_ms = {s.latency_ms[i]};
  one.input_tokens = {s.input_tokens[i]};
  one.output_tokens = {s.output_tokens[i]};
  one.cached_tokens = {s.cached_tokens[i]};
  one.error = {s.error[i]};
  for (const auto& m : request_metrics(one))
    if (!m.values.empty())
      out["metrics"][m.tag] = {{"value", m.values.front()}, {"unit", m.unit}};
  out["error"] = s.error[i].empty() ? json(nullptr) : error_json(s.error[i]);
  return out;
}

/// Payloads without the token ids: prompts are a function of seed and number, and would be megabytes here.
std::string inputs_json(const profile_request& request, const point_measured& p) {
  auto data = json::array();
  for (size_t i = 0; i < p.samples.error.size(); ++i) {
    const json payload = {{"model", request.model.name}, {"stream", true},
                          {"max_tokens", p.plan.osl},    {"min_tokens", p.plan.osl},
                          {"ignore_eos", true},          {"stream_options", {{"include_usage", true}}},
                          {"prompt_tokens", p.plan.isl}, {"prompt_seed", p.plan.prompt_seed}};
    data.push_back({{"session_id", session_name(static_cast<uint32_t>(i))}, {"payloads", json::array({payload})}});
  }
  return text_of({{"data", data}}, 1) + '\n';
}

} // namespace

point_measured warming_run(const point_measured& point) {
  point_measured run = point;
  run.plan.point += "/warmup";
  run.plan.osl = std::max(1, point.plan.warm_osl);
  run.plan.warmup_requests = 0;
  run.plan.warm_prompts = false;
  run.samples = point.warmup;
  run.warmup = {};
  run.waves = 1;
  run.stopped = stop_reason::plan;
  run.remarks = {"filled the KV cache for the measured run; in none of its statistics"};
  run.valid = std::all_of(run.samples.error.begin(), run.samples.error.end(), [](const auto& e) { return e.empty(); });
  // Nothing is selected by this run: what the measured one found must not stand in its files.
  run.value_ms = run.value_low_ms = run.value_high_ms = run.throughput_per_gpu = run.output_tokens_per_s = run.cached_share =
      0;
  return run;
}

std::map<std::string, std::string> aiperf_export(const profile_request& request, const point_measured& point) {
  std::string records;
  for (size_t i = 0; i < point.samples.error.size(); ++i)
    records += text_of(record_json(request, point, i), -1) + '\n';
  return {{"profile_export_aiperf.json", summary_json(request, point)},
          {"profile_export_aiperf.csv", summary_csv(point)},
          {"profile_export.jsonl", std::move(records)},
          {"inputs.json", inputs_json(request, point)}};
}

} // namespace sextant
