// request_metrics.cpp: One event log, four sets of definitions.
#include "messages/request_metrics.hpp"

#include <algorithm>
#include <cmath>

#include "messages/point_value.hpp"

namespace sextant {

namespace {

using record = request_record;
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

double ms(int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

/// The stamp, or another where it is unknown.
int64_t or_else(int64_t stamp_ns, int64_t other_ns) {
  return stamp_ns != 0 ? stamp_ns : other_ns;
}

bool waits_for_last_event(metric_profile profile) {
  return profile == metric_profile::vllm || profile == metric_profile::genai_perf;
}

int64_t start_ns(metric_profile profile, const record& r) {
  // LoadGen counts from when its schedule issued the query, however late the client was.
  return profile == metric_profile::mlperf && r.intended_ns > 0 ? r.intended_ns : r.sent_ns;
}

int64_t first_ns(metric_profile profile, const record& r) {
  return profile == metric_profile::vllm ? or_else(r.first_event_ns, r.token_ns.front()) : r.token_ns.front();
}

double ttft(metric_profile profile, const record& r) {
  return ms(first_ns(profile, r) - start_ns(profile, r));
}

double latency(metric_profile profile, const record& r) {
  return ms(end_ns(profile, r) - start_ns(profile, r));
}

double decode(metric_profile profile, const record& r) {
  return ms(end_ns(profile, r) - first_ns(profile, r));
}

/// Time per output token after the first.
double tpot(metric_profile profile, const record& r) {
  const int tokens = output_tokens(r);
  return tokens > 1 ? decode(profile, r) / (tokens - 1) : nothing;
}

double positive_ratio(double numerator, double denominator) {
  return denominator > 0 ? numerator / denominator : nothing;
}

double mismatch_pct(const record& r) {
  return r.planned_osl > 0 ? (output_tokens(r) - static_cast<double>(r.planned_osl)) / r.planned_osl * 100 : nothing;
}

std::vector<request_metric> aiperf_metrics(metric_profile p) {
  return {
      {"time_to_first_token", "Time to First Token", "ms", false, true, false, [p](const record& r) { return ttft(p, r); }},
      {"time_to_second_token", "Time to Second Token", "ms", false, true, false,
       [](const record& r) { return r.token_ns.size() > 1 ? ms(r.token_ns[1] - r.token_ns[0]) : nothing; }},
      {"time_to_first_output_token", "Time to First Output Token", "ms", false, true, false,
       [p](const record& r) { return ms(or_else(r.first_answer_ns, r.token_ns.front()) - start_ns(p, r)); }},
      {"request_latency", "Request Latency", "ms", false, false, false, [p](const record& r) { return latency(p, r); }},
      {"decode_duration", "Decode Duration", "ms", false, true, false, [p](const record& r) { return decode(p, r); }},
      {"inter_token_latency", "Inter Token Latency", "ms", false, true, false, [p](const record& r) { return tpot(p, r); }},
      {"tpot", "Time per Output Token", "ms", true, true, false, [p](const record& r) { return tpot(p, r); }},
      {"output_token_throughput_per_user", "Output Token Throughput Per User", "tokens/sec/user", false, true, true,
       [p](const record& r) { return positive_ratio(1e3, tpot(p, r)); }},
      {"e2e_output_token_throughput", "E2E Output Token Throughput", "tokens/sec/user", false, false, true,
       [p](const record& r) { return positive_ratio(output_tokens(r) * 1e3, latency(p, r)); }},
      {"prefill_throughput_per_user", "Prefill Throughput Per User", "tokens/sec/user", false, true, true,
       [p](const record& r) { return positive_ratio(input_tokens_of(r) * 1e3, ttft(p, r)); }},
      {"output_sequence_length", "Output Sequence Length", "tokens", false, false, true,
       [](const record& r) { return static_cast<double>(output_tokens(r)); }},
      {"input_sequence_length", "Input Sequence Length", "tokens", false, false, true, input_tokens_of},
      {"output_token_count", "Output Token Count", "tokens", false, false, true,
       [](const record& r) { return output_tokens(r) - static_cast<double>(r.reasoning_tokens); }},
      {"reasoning_token_count", "Reasoning Token Count", "tokens", false, false, true,
       [](const record& r) { return r.reasoning_tokens > 0 ? static_cast<double>(r.reasoning_tokens) : nothing; }},
      {"usage_prompt_tokens", "Usage Prompt Tokens", "tokens", false, false, true,
       [](const record& r) { return r.input_tokens > 0 ? static_cast<double>(r.input_tokens) : nothing; }},
      {"usage_completion_tokens", "Usage Completion Tokens", "tokens", false, false, true,
       [](const record& r) { return r.usage_tokens > 0 ? static_cast<double>(r.usage_tokens) : nothing; }},
      {"usage_total_tokens", "Usage Total Tokens", "tokens", false, false, true,
       [](const record& r) { return r.input_tokens > 0 ? static_cast<double>(r.input_tokens) + r.usage_tokens : nothing; }},
      {"usage_prompt_cache_read_tokens", "Usage Prompt Cache Read Tokens", "tokens", false, false, true,
       [](const record& r) { return r.input_tokens > 0 ? static_cast<double>(r.cached_tokens) : nothing; }},
      {"osl_mismatch_diff_pct", "OSL Mismatch Diff %", "%", false, false, false, mismatch_pct},
  };
}

/// What the client adds, and HTTP phases under the names AIPerf took from k6.
void append_own(std::vector<request_metric>& out) {
  const std::vector<request_metric> own = {
      {"client_queue_time", "Client Queue Time", "ms", true, false, false,
       [](const record& r) { return r.intended_ns > 0 && r.queued_ns > 0 ? ms(r.queued_ns - r.intended_ns) : nothing; }},
      {"send_lag", "Send Lag", "ms", true, false, false,
       [](const record& r) { return ms(r.sent_ns - std::max(r.intended_ns, r.queued_ns)); }},
      // Names are looked up before the run, and a request that finds no idle connection opens one: neither takes time here.
      {"http_req_blocked", "HTTP Blocked", "ms", false, false, false, [](const record&) { return 0.0; }},
      {"http_req_dns_lookup", "HTTP DNS Lookup", "ms", false, false, false, [](const record&) { return 0.0; }},
      {"http_req_connecting", "HTTP Connecting", "ms", false, false, false,
       [](const record& r) { return ms(r.connect_ns); }},
      {"http_req_connection_overhead", "HTTP Connection Overhead", "ms", false, false, false,
       [](const record& r) { return ms(r.connect_ns); }},
      {"http_req_connection_reused", "HTTP Connection Reused", "ratio", false, false, true,
       [](const record& r) { return r.connect_ns == 0 ? 1.0 : 0.0; }},
      {"http_req_sending", "HTTP Sending", "ms", false, false, false,
       [](const record& r) { return r.tx_ns > 0 ? ms(r.tx_ns - r.sent_ns) : nothing; }},
      {"http_req_waiting", "HTTP Waiting (TTFB)", "ms", false, false, false,
       [](const record& r) { return r.first_byte_ns > 0 ? ms(r.first_byte_ns - or_else(r.tx_ns, r.sent_ns)) : nothing; }},
      {"http_req_receiving", "HTTP Receiving", "ms", false, false, false,
       [](const record& r) { return r.first_byte_ns > 0 && r.ended_ns > 0 ? ms(r.ended_ns - r.first_byte_ns) : nothing; }},
      {"http_req_duration", "HTTP Duration (excl. conn)", "ms", false, false, false,
       [](const record& r) { return r.ended_ns > 0 ? ms(r.ended_ns - r.sent_ns) : nothing; }},
      {"http_req_total", "HTTP Total Time", "ms", false, false, false,
       [](const record& r) { return r.ended_ns > 0 ? ms(r.ended_ns - r.sent_ns + r.connect_ns) : nothing; }},
      {"http_req_data_sent", "HTTP Data Sent", "KB", false, false, false,
       [](const record& r) { return static_cast<double>(r.bytes_sent) / 1024; }},
      {"http_req_data_received", "HTTP Data Received", "KB", false, false, false,
       [](const record& r) { return static_cast<double>(r.bytes_received) / 1024; }},
  };
  out.insert(out.end(), own.begin(), own.end());
}

std::vector<request_metric> short_metrics(metric_profile p) {
  return {
      {"ttft", "Time to First Token", "ms", true, true, false, [p](const record& r) { return ttft(p, r); }},
      {"tpot", "Time per Output Token (excl. 1st token)", "ms", true, true, false,
       [p](const record& r) { return tpot(p, r); }},
      {"e2el", "End-to-end Latency", "ms", true, false, false, [p](const record& r) { return latency(p, r); }},
      {"input_tokens", "Input Tokens", "tokens", true, false, true, input_tokens_of},
      {"output_tokens", "Output Tokens", "tokens", true, false, true,
       [](const record& r) { return static_cast<double>(output_tokens(r)); }},
  };
}

} // namespace

bool is_valid(const record& r) {
  return r.error.empty() && !r.token_ns.empty();
}

double input_tokens_of(const record& r) {
  return r.input_tokens > 0 ? r.input_tokens : r.planned_isl;
}

int64_t end_ns(metric_profile profile, const record& r) {
  return waits_for_last_event(profile) ? or_else(r.last_event_ns, r.token_ns.back()) : r.token_ns.back();
}

std::vector<request_metric> request_metrics(metric_profile profile) {
  if (profile == metric_profile::vllm || profile == metric_profile::mlperf)
    return short_metrics(profile);
  auto out = aiperf_metrics(profile);
  append_own(out);
  return out;
}

request_metric gap_metric(metric_profile profile) {
  if (profile == metric_profile::vllm || profile == metric_profile::mlperf)
    return {"itl", "Inter-token Latency", "ms", true, true, false, {}};
  return {"inter_chunk_latency", "Inter Chunk Latency", "ms", false, true, false, {}};
}

void append_gaps_ms(metric_profile profile, const record& r, std::vector<double>& out) {
  if (r.token_ns.empty())
    return;
  const bool all_events = profile == metric_profile::vllm;
  int64_t before = all_events ? first_ns(profile, r) : r.token_ns.front();
  if (before != r.token_ns.front()) {
    out.push_back(ms(r.token_ns.front() - before));
    before = r.token_ns.front();
  }
  for (size_t i = 1; i < r.token_ns.size(); ++i) {
    out.push_back(ms(r.token_ns[i] - before));
    before = r.token_ns[i];
  }
  if (all_events && end_ns(profile, r) != before)
    out.push_back(ms(end_ns(profile, r) - before));
}

std::vector<std::string> definitions_of(metric_profile profile) {
  const std::string start = "latencies start when the request was written; connecting is a metric of its own";
  switch (profile) {
    case metric_profile::aiperf:
      return {start,
              "TTFT ends at the first event with text, reasoning or tool text; latency at the last one",
              "ITL is one average per request, (latency - TTFT) / (output tokens - 1), also printed as tpot",
              "inter-chunk latency pools the gaps between events of all requests",
              "throughput counts from the first send to the last output of valid requests",
              "percentiles interpolate linearly between samples"};
    case metric_profile::vllm:
      return {start, "TTFT ends at the first event with choices, also if it has a role only; latency at the last one",
              "ITL pools the gaps between all events with choices; TPOT is (latency - TTFT) / (output tokens - 1)",
              "throughput counts from the first send to the last event", "percentiles interpolate linearly between samples"};
    case metric_profile::genai_perf:
      return {start,
              "TTFT ends at the first event with output; latency at the last event, also if it has a finish reason only",
              "ITL is one average per request, (latency - TTFT) / (output tokens - 1)",
              "percentiles interpolate linearly between samples"};
    case metric_profile::mlperf:
      return {"latencies start when the schedule issued the query, or at the send in a closed loop",
              "TTFT ends at the first token, TPOT is (last - first token) / (output tokens - 1)",
              "percentiles are order statistics; an early-stopping bound stands beside them"};
  }
  return {};
}

} // namespace sextant
