// summary.cpp: Latencies, throughput, validity and remarks of one point.
#include "actors/metrics/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "messages/point_value.hpp"

namespace sextant {

namespace {

std::string decimals(double x, int digits = 1) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return text;
}

/// What the whole waves tell: tokens, duration and the average number of requests in flight.
struct traffic_totals {
  double seconds = 0; ///< first send to last token, summed over waves
  double output_tokens = 0;
  double request_seconds = 0; ///< sum of request latencies
  int waves = 0;
};

traffic_totals total_traffic(const point_plan& plan, const std::vector<request_record>& records) {
  struct span_ns {
    int64_t begin = 0, end = 0;
    bool used = false;
  };
  std::map<uint32_t, span_ns> waves;
  traffic_totals out;
  for (const auto& r : records) {
    auto& wave = waves[r.wave];
    if (!request_fault(plan, r).empty())
      continue;
    wave.begin = wave.used ? std::min(wave.begin, r.sent_ns) : r.sent_ns;
    wave.end = wave.used ? std::max(wave.end, r.token_ns.back()) : r.token_ns.back();
    wave.used = true;
    out.output_tokens += output_tokens(r);
    out.request_seconds += latency_ms(r) / 1e3;
  }
  for (const auto& [number, wave] : waves)
    out.seconds += static_cast<double>(wave.end - wave.begin) / 1e9;
  out.waves = static_cast<int>(waves.size());
  return out;
}

/// First to second token event; 0 without a second.
double second_ms(const request_record& r) {
  return r.token_ns.size() > 1 ? static_cast<double>(r.token_ns[1] - r.token_ns[0]) / 1e6 : 0;
}

request_samples samples_of(const point_plan& plan, const std::string& started, const std::vector<request_record>& records) {
  request_samples s;
  s.started = started;
  int64_t begin = records.empty() ? 0 : records.front().sent_ns;
  for (const auto& r : records)
    begin = std::min(begin, r.sent_ns);
  for (const auto& r : records) {
    s.start_ms.push_back(static_cast<double>(r.sent_ns - begin) / 1e6);
    s.ttft_ms.push_back(ttft_ms(r));
    s.second_ms.push_back(second_ms(r));
    s.itl_ms.push_back(itl_ms(r));
    s.latency_ms.push_back(latency_ms(r));
    s.input_tokens.push_back(static_cast<int>(r.input_tokens));
    s.output_tokens.push_back(output_tokens(r));
    s.cached_tokens.push_back(static_cast<int>(r.cached_tokens));
    s.error.push_back(request_fault(plan, r));
  }
  return s;
}

/// Samples travel and are stored as decimal text: digits below a tenth of a microsecond would be most of a result.
void round_times(request_samples& s) {
  for (auto* column : {&s.start_ms, &s.ttft_ms, &s.second_ms, &s.itl_ms, &s.latency_ms})
    for (auto& x : *column)
      x = std::round(x * 1e4) / 1e4;
}

/// What the plan says of the requests that fill the KV cache.
point_plan warming_plan(point_plan plan) {
  plan.osl = std::max(1, plan.warm_osl);
  return plan;
}

void describe_latencies(point_measured& m) {
  std::vector<double> ttft, itl, latency;
  for (size_t i = 0; i < m.samples.error.size(); ++i) {
    if (!m.samples.error[i].empty())
      continue;
    ttft.push_back(m.samples.ttft_ms[i]);
    latency.push_back(m.samples.latency_ms[i]);
    if (m.samples.output_tokens[i] > 1)
      itl.push_back(m.samples.itl_ms[i]);
  }
  m.ttft = describe_samples(std::move(ttft));
  m.itl = describe_samples(std::move(itl));
  m.latency = describe_samples(std::move(latency));
}

/// Share of the prompt tokens of faultless requests that the prefix cache served.
double cached_share(const request_samples& s) {
  double cached = 0, all = 0;
  for (size_t i = 0; i < s.error.size(); ++i)
    if (s.error[i].empty()) {
      cached += s.cached_tokens[i];
      all += s.input_tokens[i];
    }
  return all > 0 ? cached / all : 0;
}

/// What a reader must know about counts: engines without usage, several tokens in one event.
void remark_on_counts(const std::vector<request_record>& records, std::vector<std::string>& remarks) {
  size_t uncounted = 0, merged = 0;
  for (const auto& r : records) {
    uncounted += r.error.empty() && (r.usage_tokens == 0 || r.input_tokens == 0);
    merged += r.error.empty() && r.usage_tokens > r.token_ns.size();
  }
  if (uncounted > 0)
    remarks.push_back(std::to_string(uncounted)
                      + " requests ended without usage: their input length is taken from the plan");
  if (merged > 0)
    remarks.push_back(std::to_string(merged)
                      + " requests had events that carry several tokens: gaps are averages over those");
}

void remark_on_reuse(const point_plan& plan, double share, size_t valid, std::vector<std::string>& remarks) {
  // Engines keep whole blocks and never the last one: up to 128 tokens of a prompt are always computed again.
  const double expected = plan.isl > 0 ? std::max(0.0, plan.isl - 128.0) / plan.isl * 0.95 : 0;
  if (plan.kind == point_kind::itl && plan.warm_prompts && valid > 0 && share < expected)
    remarks.push_back("the prefix cache served " + decimals(share * 100) + " % of the prompt tokens, expected were at least "
                      + decimals(expected * 100) + " %: inter-token latency contains prefill work");
  if (plan.kind == point_kind::ttft && share > 0.01)
    remarks.push_back("the prefix cache served " + decimals(share * 100) + " % of the prompt tokens of a prefill point");
}

void remark_on_concurrency(const point_plan& plan, const traffic_totals& t, std::vector<std::string>& remarks) {
  const double in_flight = t.seconds > 0 ? t.request_seconds / t.seconds : 0;
  const int wanted = std::min(plan.concurrency, plan.requests);
  if (in_flight > 0 && std::abs(in_flight - wanted) > 0.1 * wanted)
    remarks.push_back("by Little's law " + decimals(in_flight) + " requests were in flight on average instead of "
                      + std::to_string(wanted));
}

/// Tokens per second and GPU: prompt tokens for prefill (all attention ranks work at once), output tokens for decode.
double per_gpu(const point_measured& m) {
  const double gpus = std::max(1, m.plan.gpus);
  if (m.plan.kind == point_kind::itl)
    return m.output_tokens_per_s / gpus;
  return m.value_ms > 0 ? m.plan.isl / m.value_ms * 1000 * std::max(1, m.plan.attention_dp) / gpus : 0;
}

failure too_few(const point_plan& plan, const std::vector<request_record>& records, size_t valid) {
  failure f;
  f.kind = failure_class::transient;
  f.cause = failure_cause::too_few_samples;
  f.detail = std::to_string(valid) + " of " + std::to_string(records.size()) + " requests are valid";
  for (const auto& r : records)
    if (auto fault = request_fault(plan, r); !fault.empty()) {
      f.detail += "; the first that is not: " + fault;
      // Finished requests of a wrong length: the engine will do the same again.
      if (r.error.empty() && valid == 0) {
        f.kind = failure_class::permanent;
        f.cause = failure_cause::request_failed;
      }
      break;
    }
  return f;
}

} // namespace

std::variant<point_measured, failure> summarise(const attempt_records& records) {
  const auto& plan = records.work.plan;
  const auto valid = static_cast<size_t>(std::count_if(records.requests.begin(), records.requests.end(),
                                                       [&](const auto& r) { return request_fault(plan, r).empty(); }));
  if (valid == 0 || valid * 2 < records.requests.size())
    return too_few(plan, records.requests, valid);

  point_measured m;
  m.engine = records.work.engine;
  m.engine_attempt = records.work.engine_attempt;
  m.attempt = records.work.attempt;
  m.plan = plan;
  m.remarks = records.remarks;
  m.stopped = records.stopped;
  m.speed = records.speed;
  m.clock = records.clock;
  m.simulated = records.work.simulated;
  m.engine_s = static_cast<double>(records.engine_ns) / 1e9;
  m.wall_s = static_cast<double>(records.wall_ns) / 1e9;
  m.overhead_s = static_cast<double>(records.overhead_ns) / 1e9;
  m.samples = samples_of(plan, records.started, records.requests);
  m.warmup = samples_of(warming_plan(plan), records.warming_started, records.warming);
  describe_latencies(m);

  const auto value = value_of(plan, records.requests);
  m.value_ms = value.mean;
  m.value_low_ms = std::max(0.0, value.low);
  m.value_high_ms = value.high;
  const auto totals = total_traffic(plan, records.requests);
  m.waves = totals.waves;
  m.output_tokens_per_s = totals.seconds > 0 ? totals.output_tokens / totals.seconds : 0;
  m.throughput_per_gpu = per_gpu(m);
  m.cached_share = cached_share(m.samples);
  m.valid = valid == records.requests.size();

  if (!m.valid)
    m.remarks.push_back(std::to_string(records.requests.size() - valid) + " of " + std::to_string(records.requests.size())
                        + " requests failed or had wrong lengths");
  if (!value.known)
    m.remarks.push_back("one sample only: the interval is unknown");
  if (plan.kind == point_kind::ttft && plan.burst_ratio > 1 && value.mean <= 0) {
    m.valid = false;
    m.remarks.push_back("the burst rule gives no positive time: the burst did not queue as expected");
  }
  remark_on_counts(records.requests, m.remarks);
  remark_on_reuse(plan, m.cached_share, valid, m.remarks);
  remark_on_concurrency(plan, totals, m.remarks);
  round_times(m.samples);
  round_times(m.warmup);
  return m;
}

} // namespace sextant
