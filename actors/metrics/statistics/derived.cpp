// derived.cpp: Sums over all requests, rates over the span of the run.
#include "actors/metrics/statistics/derived.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "actors/metrics/statistics/definitions.hpp"
#include "actors/metrics/statistics/dependence.hpp"
#include "messages/point_value.hpp"

namespace sextant::statistics {

namespace {

/// Slices of the run whose rates give the interval of the whole rate.
constexpr size_t rate_slices = 20;

struct totals {
  double valid = 0, failed = 0, isl = 0, osl = 0, reasoning = 0, error_isl = 0;
  double usage_prompt = 0, usage_completion = 0, cached = 0, mismatched = 0;
};

/// Output lengths beyond min(5 % of what was asked, 50 tokens) are mismatches (AIPerf's thresholds).
bool is_mismatch(const request_record& r) {
  const double asked = r.planned_osl;
  return asked > 0 && std::abs(output_tokens(r) - asked) > std::min(0.05 * asked, 50.0);
}

totals sum_up(const std::vector<request_record>& requests) {
  totals t;
  for (const auto& r : requests) {
    if (!is_valid(r)) {
      t.failed += 1;
      t.error_isl += input_tokens_of(r);
      continue;
    }
    t.valid += 1;
    t.isl += input_tokens_of(r);
    t.osl += output_tokens(r);
    t.reasoning += r.reasoning_tokens;
    t.usage_prompt += r.input_tokens;
    t.usage_completion += r.usage_tokens;
    t.cached += r.cached_tokens;
    t.mismatched += is_mismatch(r) ? 1 : 0;
  }
  return t;
}

metric_summary single(const char* tag, const char* header, const char* unit, double value, bool larger_is_better = false) {
  metric_summary m;
  m.tag = tag;
  m.header = header;
  m.unit = unit;
  m.single = true;
  m.larger_is_better = larger_is_better;
  m.values.mean = m.values.low = m.values.high = value;
  return m;
}

/// What completes in each slice of the run: requests, prompt tokens, output tokens.
struct slices {
  std::vector<double> requests, isl, osl, seconds;
};

slices slice_run(metric_profile profile, const std::vector<request_record>& requests, const run_span& span) {
  slices s;
  const auto length = static_cast<double>(span.end_ns - span.begin_ns);
  for (auto* column : {&s.requests, &s.isl, &s.osl})
    column->assign(rate_slices, 0);
  s.seconds.assign(rate_slices, length / 1e9 / rate_slices);
  const auto slice = [&](int64_t ns) {
    const double share = static_cast<double>(ns - span.begin_ns) / length;
    return static_cast<size_t>(std::clamp(share * rate_slices, 0.0, rate_slices - 1.0));
  };
  for (const auto& r : requests) {
    if (!is_valid(r))
      continue;
    const size_t end = slice(end_ns(profile, r));
    s.requests[end] += 1;
    s.isl[end] += input_tokens_of(r);
    // Tokens by usage are spread evenly over the events.
    const double each = output_tokens(r) / static_cast<double>(r.token_ns.size());
    for (const auto t : r.token_ns)
      s.osl[slice(t)] += each;
  }
  return s;
}

/// A rate with its interval over slices.
metric_summary rate(const char* tag, const char* header, const char* unit, double sum, const run_span& span,
                    const std::vector<double>& per_slice, const std::vector<double>& seconds, double confidence) {
  auto m = single(tag, header, unit, span.end_ns > span.begin_ns ? sum / span.seconds() : 0, true);
  if (span.end_ns <= span.begin_ns)
    return m;
  const auto over_slices = interval_of_ratio(per_slice, seconds, confidence);
  m.interval_known = over_slices.known;
  m.values.low = std::max(0.0, m.values.mean - over_slices.half_width());
  m.values.high = m.values.mean + over_slices.half_width();
  return m;
}

std::vector<metric_summary> aiperf_counts(const load_facts& facts, const totals& t, const run_span& span) {
  std::vector<metric_summary> out = {
      single("request_count", "Request Count", "requests", t.valid, true),
      single("error_request_count", "Error Request Count", "requests", t.failed),
      single("completed_request_count", "Completed Requests (Success + Error)", "requests", t.valid + t.failed),
      single("request_error_rate", "Request Error Rate", "%",
             t.valid + t.failed > 0 ? t.failed / (t.valid + t.failed) * 100 : 0),
      single("min_request_timestamp", "Minimum Request Timestamp", "ns",
             static_cast<double>(facts.started_unix_ns + span.begin_ns)),
      single("max_response_timestamp", "Maximum Response Timestamp", "ns",
             static_cast<double>(facts.started_unix_ns + span.end_ns)),
      single("benchmark_duration", "Benchmark Duration", "sec", span.seconds()),
      single("total_isl", "Total Input Sequence Length", "tokens", t.isl, true),
      single("total_osl", "Total Output Sequence Length", "tokens", t.osl, true),
      single("total_output_tokens", "Total Output Tokens", "tokens", t.osl - t.reasoning, true),
  };
  if (t.reasoning > 0)
    out.push_back(single("total_reasoning_tokens", "Total Reasoning Tokens", "tokens", t.reasoning, true));
  if (t.failed > 0)
    out.push_back(single("total_error_isl", "Total Error Input Sequence Length", "tokens", t.error_isl, true));
  if (t.usage_prompt > 0) {
    out.push_back(single("total_usage_prompt_tokens", "Total Usage Prompt Tokens", "tokens", t.usage_prompt, true));
    out.push_back(
        single("total_usage_completion_tokens", "Total Usage Completion Tokens", "tokens", t.usage_completion, true));
    out.push_back(
        single("total_usage_prompt_cache_read_tokens", "Total Usage Prompt Cache Read Tokens", "tokens", t.cached, true));
    out.push_back(single("overall_usage_prompt_cache_read_pct", "Overall Usage Prompt Cache Read %", "%",
                         t.cached / t.usage_prompt * 100, true));
  }
  if (facts.osl > 0)
    out.push_back(single("osl_mismatch_count", "OSL Mismatch Count", "requests", t.mismatched));
  return out;
}

} // namespace

run_span span_of(metric_profile profile, const std::vector<request_record>& requests) {
  run_span s;
  bool first = true;
  for (const auto& r : requests) {
    if (!is_valid(r))
      continue;
    s.begin_ns = first ? r.sent_ns : std::min(s.begin_ns, r.sent_ns);
    s.end_ns = first ? end_ns(profile, r) : std::max(s.end_ns, end_ns(profile, r));
    first = false;
  }
  return s;
}

std::vector<metric_summary> derived_metrics(const load_facts& facts, metric_profile profile,
                                            const std::vector<request_record>& requests, double confidence) {
  const auto span = span_of(profile, requests);
  const auto t = sum_up(requests);
  const auto s = slice_run(profile, requests, span);
  std::vector<double> both(rate_slices);
  for (size_t i = 0; i < rate_slices; ++i)
    both[i] = s.isl[i] + s.osl[i];
  const bool short_names = profile == metric_profile::vllm || profile == metric_profile::mlperf;
  std::vector<metric_summary> out = {
      rate(short_names ? "output_throughput" : "output_token_throughput", "Output Token Throughput", "tokens/sec", t.osl,
           span, s.osl, s.seconds, confidence),
      rate(short_names ? "input_throughput" : "input_token_throughput", "Input Token Throughput", "tokens/sec", t.isl, span,
           s.isl, s.seconds, confidence),
      rate("total_token_throughput", "Total Token Throughput", "tokens/sec", t.isl + t.osl, span, both, s.seconds,
           confidence),
      rate("request_throughput", "Request Throughput", "requests/sec", t.valid, span, s.requests, s.seconds, confidence),
  };
  for (auto& m : short_names ? std::vector{single("completed", "Successful Requests", "requests", t.valid, true),
                                           single("failed", "Failed Requests", "requests", t.failed),
                                           single("duration", "Benchmark Duration", "sec", span.seconds()),
                                           single("total_input_tokens", "Total Input Tokens", "tokens", t.isl, true),
                                           single("total_output_tokens", "Total Generated Tokens", "tokens", t.osl, true)}
                             : aiperf_counts(facts, t, span))
    out.push_back(std::move(m));
  return out;
}

std::vector<error_count> count_errors(const std::vector<request_record>& requests) {
  static const std::map<request_fault_class, const char*> types = {
      {request_fault_class::none, "NoOutputError"},
      {request_fault_class::refused, "ConnectionRefusedError"},
      {request_fault_class::reset, "ConnectionResetError"},
      {request_fault_class::timed_out, "TimeoutError"},
      {request_fault_class::stalled, "StalledError"},
      {request_fault_class::malformed, "MalformedResponseError"},
      {request_fault_class::client_error, "ClientError"},
      {request_fault_class::rate_limited, "RateLimitedError"},
      {request_fault_class::server_error, "ServerError"},
      {request_fault_class::wrong_length, "WrongLengthError"},
      {request_fault_class::cancelled, "RequestCancellationError"},
      {request_fault_class::client_limit, "ClientLimitError"},
  };
  std::map<std::tuple<request_fault_class, int, std::string>, size_t> counts;
  for (const auto& r : requests)
    if (!is_valid(r)) {
      const int code = r.fault == request_fault_class::cancelled ? 499 : r.status;
      ++counts[{r.fault, code == 200 ? 0 : code, r.error.empty() ? "the answer has no output" : r.error}];
    }
  std::vector<error_count> out;
  for (const auto& [key, count] : counts) {
    const auto& [fault, code, message] = key;
    out.push_back({fault, code, types.at(fault), message, count});
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return out;
}

} // namespace sextant::statistics
