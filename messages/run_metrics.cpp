// run_metrics.cpp: Samples of all requests, sums over them, rates over the span of the run.
#include "messages/run_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "messages/point_value.hpp"
#include "messages/request_metrics.hpp"

namespace sextant {

namespace {

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

metric_summary rate(const char* tag, const char* header, const char* unit, double sum, const run_span& span) {
  return single(tag, header, unit, span.end_ns > span.begin_ns ? sum / span.seconds() : 0, true);
}

/// AIPerf's names of the kinds of faults, ours for those it does not tell apart.
const std::map<request_fault_class, const char*>& error_types() {
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
  return types;
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
        single("total_usage_total_tokens", "Total Usage Total Tokens", "tokens", t.usage_prompt + t.usage_completion, true));
    out.push_back(
        single("total_usage_prompt_cache_read_tokens", "Total Usage Prompt Cache Read Tokens", "tokens", t.cached, true));
    out.push_back(single("overall_usage_prompt_cache_read_pct", "Overall Usage Prompt Cache Read %", "%",
                         t.cached / t.usage_prompt * 100, true));
  }
  if (facts.osl > 0)
    out.push_back(single("osl_mismatch_count", "OSL Mismatch Count", "requests", t.mismatched));
  return out;
}

std::vector<metric_summary> short_counts(const totals& t, const run_span& span) {
  return {single("completed", "Successful Requests", "requests", t.valid, true),
          single("failed", "Failed Requests", "requests", t.failed),
          single("duration", "Benchmark Duration", "sec", span.seconds()),
          single("total_input_tokens", "Total Input Tokens", "tokens", t.isl, true),
          single("total_output_tokens", "Total Generated Tokens", "tokens", t.osl, true)};
}

} // namespace

namespace {

/// Embeddings have no output tokens.
bool is_meaningless(const load_facts& facts, std::string_view tag) {
  const auto has = [&](std::string_view part) { return tag.find(part) != std::string_view::npos; };
  return facts.endpoint_type == "embeddings" && (has("output_") || has("osl") || has("completion_tokens"));
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

std::vector<const request_record*> valid_in_order(const std::vector<request_record>& requests) {
  std::vector<std::pair<int64_t, const request_record*>> timed;
  timed.reserve(requests.size());
  for (const auto& r : requests)
    if (is_valid(r))
      timed.emplace_back(r.intended_ns > 0 ? r.intended_ns : r.sent_ns, &r);
  // Equal times: the order of the records, which is that of their addresses.
  std::sort(timed.begin(), timed.end());
  std::vector<const request_record*> out;
  out.reserve(timed.size());
  for (const auto& [time, record] : timed)
    out.push_back(record);
  return out;
}

metric_summary named_summary(const request_metric& from) {
  metric_summary m;
  m.tag = from.tag;
  m.header = from.header;
  m.unit = from.unit;
  m.ours = from.ours;
  m.larger_is_better = from.larger_is_better;
  return m;
}

void for_each_metric(const load_facts& facts, metric_profile profile, const std::vector<request_record>& requests,
                     const take_samples& take) {
  const auto valid = valid_in_order(requests);
  auto metrics = request_metrics(profile);
  std::erase_if(metrics,
                [&](const auto& m) { return (m.streaming_only && !facts.streaming) || is_meaningless(facts, m.tag); });
  // All metrics of a few requests, then the next few: each request is fetched from memory once, not once per metric.
  constexpr size_t few = 256;
  std::vector<std::vector<double>> samples(metrics.size());
  for (auto& s : samples)
    s.reserve(valid.size());
  for (size_t begin = 0; begin < valid.size(); begin += few)
    for (size_t m = 0; m < metrics.size(); ++m)
      for (size_t i = begin; i < std::min(valid.size(), begin + few); ++i)
        if (const double x = metrics[m].of(*valid[i]); std::isfinite(x))
          samples[m].push_back(x);
  for (size_t m = 0; m < metrics.size(); ++m)
    if (!samples[m].empty())
      take(named_summary(metrics[m]), std::move(samples[m]));
  if (!facts.streaming)
    return;
  size_t events = 0;
  for (const auto* r : valid)
    events += r->token_ns.size() + 1;
  std::vector<double> gaps;
  gaps.reserve(events);
  for (const auto* r : valid)
    append_gaps_ms(profile, *r, gaps);
  auto pooled = named_summary(gap_metric(profile));
  pooled.pooled = true;
  if (!gaps.empty())
    take(std::move(pooled), std::move(gaps));
}

std::vector<metric_summary> derived_metrics(const load_facts& facts, metric_profile profile,
                                            const std::vector<request_record>& requests) {
  const auto span = span_of(profile, requests);
  const auto t = sum_up(requests);
  const bool short_names = profile == metric_profile::vllm || profile == metric_profile::mlperf;
  std::vector<metric_summary> out = {
      rate(short_names ? "output_throughput" : "output_token_throughput", "Output Token Throughput", "tokens/sec", t.osl,
           span),
      rate(short_names ? "input_throughput" : "input_token_throughput", "Input Token Throughput", "tokens/sec", t.isl, span),
      rate("total_token_throughput", "Total Token Throughput", "tokens/sec", t.isl + t.osl, span),
      rate("request_throughput", "Request Throughput", "requests/sec", t.valid, span),
  };
  const auto counts = short_names ? short_counts(t, span) : aiperf_counts(facts, t, span);
  out.insert(out.end(), counts.begin(), counts.end());
  std::erase_if(out, [&](const auto& m) { return is_meaningless(facts, m.tag); });
  return out;
}

const char* error_type(request_fault_class fault) {
  return error_types().at(fault);
}

int error_code(const request_record& record) {
  if (record.fault == request_fault_class::cancelled)
    return 499;
  return record.status == 200 ? 0 : record.status;
}

std::vector<error_count> count_errors(const std::vector<request_record>& requests) {
  std::map<std::tuple<request_fault_class, int, std::string>, size_t> counts;
  for (const auto& r : requests)
    if (!is_valid(r))
      ++counts[{r.fault, error_code(r), r.error.empty() ? "the answer has no output" : r.error}];
  std::vector<error_count> out;
  for (const auto& [key, count] : counts) {
    const auto& [fault, code, message] = key;
    out.push_back({fault, code, error_type(fault), message, count});
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return out;
}

load_summary count_run(const load_records& records, metric_profile profile) {
  load_summary s;
  s.profile = profile;
  s.definitions = definitions_of(profile);
  s.remarks = records.facts.remarks;
  s.sent = records.requests.size();
  for (const auto& r : records.requests) {
    s.valid += is_valid(r);
    s.cancelled += r.fault == request_fault_class::cancelled;
    s.timed_out += r.fault == request_fault_class::timed_out || r.fault == request_fault_class::stalled;
  }
  s.failed = s.sent - s.valid;
  const auto span = span_of(profile, records.requests);
  s.first_send_ns = span.begin_ns;
  s.last_end_ns = span.end_ns;
  s.errors = count_errors(records.requests);
  return s;
}

load_summary plain_summary(const load_records& records, metric_profile profile) {
  auto s = count_run(records, profile);
  const auto fill = [&](const std::vector<request_record>& requests, std::vector<metric_summary>& out) {
    for_each_metric(records.facts, profile, requests, [&](metric_summary m, std::vector<double> ordered) {
      m.values = describe_samples(std::move(ordered));
      m.sum = m.values.mean * static_cast<double>(m.values.count);
      out.push_back(std::move(m));
    });
    const auto whole = derived_metrics(records.facts, profile, requests);
    out.insert(out.end(), whole.begin(), whole.end());
  };
  fill(records.requests, s.metrics);
  if (!records.warming.empty())
    fill(records.warming, s.warmup);
  return s;
}

} // namespace sextant
