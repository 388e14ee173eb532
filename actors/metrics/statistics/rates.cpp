// rates.cpp: What happens in each slice of a run or of its steady window.
#include "actors/metrics/statistics/rates.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "actors/metrics/statistics/dependence.hpp"
#include "actors/metrics/statistics/sla.hpp"
#include "messages/request_metrics.hpp"

namespace sextant::statistics {

namespace {

/// Slices of the run whose rates give the interval of the whole rate.
constexpr size_t rate_slices = 20;

/// What completes in each slice of the run: output tokens, prompt tokens, both, requests.
std::map<std::string, std::vector<double>> slice_run(metric_profile profile, const std::vector<request_record>& requests,
                                                     const run_span& span) {
  std::vector<double> osl(rate_slices), isl(rate_slices), both(rate_slices), count(rate_slices);
  const double per_ns = rate_slices / static_cast<double>(span.end_ns - span.begin_ns);
  const auto inside = [&](int64_t ns) { return ns >= span.begin_ns && ns <= span.end_ns; };
  const auto slice = [&](int64_t ns) {
    return std::min(rate_slices - 1, static_cast<size_t>(static_cast<double>(ns - span.begin_ns) * per_ns));
  };
  for (const auto& r : requests) {
    if (!is_valid(r))
      continue;
    if (const int64_t end = end_ns(profile, r); inside(end)) {
      count[slice(end)] += 1;
      isl[slice(end)] += input_tokens_of(r);
      both[slice(end)] += input_tokens_of(r);
    }
    // Tokens by usage are spread evenly over the events.
    const double each = output_tokens(r) / static_cast<double>(r.token_ns.size());
    for (const auto t : r.token_ns)
      if (inside(t)) {
        osl[slice(t)] += each;
        both[slice(t)] += each;
      }
  }
  return {{"output_token_throughput", osl}, {"output_throughput", osl},       {"input_token_throughput", isl},
          {"input_throughput", isl},        {"total_token_throughput", both}, {"request_throughput", count}};
}

metric_summary window_rate(const char* tag, const char* header, const char* unit, const std::vector<double>& sums,
                           const std::vector<double>& seconds, double confidence) {
  metric_summary m;
  m.tag = tag;
  m.header = header;
  m.unit = unit;
  m.single = m.larger_is_better = true;
  const auto over_slices = interval_of_ratio(sums, seconds, confidence);
  m.values.mean = over_slices.mean;
  m.interval_known = over_slices.known;
  m.values.low = std::max(0.0, over_slices.low);
  m.values.high = over_slices.high;
  return m;
}

} // namespace

void add_rate_intervals(metric_profile profile, const std::vector<request_record>& requests, double confidence,
                        std::vector<metric_summary>& metrics) {
  const auto span = span_of(profile, requests);
  if (span.end_ns <= span.begin_ns)
    return;
  const auto slices = slice_run(profile, requests, span);
  const std::vector<double> seconds(rate_slices, span.seconds() / rate_slices);
  for (auto& m : metrics) {
    const auto sums = slices.find(m.tag);
    if (!m.single || sums == slices.end())
      continue;
    const auto over_slices = interval_of_ratio(sums->second, seconds, confidence);
    m.interval_known = over_slices.known;
    m.values.low = std::max(0.0, m.values.mean - over_slices.half_width());
    m.values.high = m.values.mean + over_slices.half_width();
  }
}

std::vector<metric_summary> metrics_in_window(const load_facts& facts, const std::vector<request_record>& requests,
                                              int64_t begin_ns, int64_t end_ns, const summary_options& options) {
  std::vector<metric_summary> out;
  if (end_ns <= begin_ns)
    return out;
  const auto valid = valid_in_order(requests);
  const auto sent_inside = [&](const request_record& r) { return r.sent_ns >= begin_ns && r.sent_ns < end_ns; };
  for (const auto& metric : request_metrics(options.profile)) {
    if (!is_latency(options.profile, metric.tag) || (metric.streaming_only && !facts.streaming))
      continue;
    std::vector<double> samples;
    samples.reserve(valid.size());
    for (const auto* r : valid)
      if (const double x = sent_inside(*r) ? metric.of(*r) : std::numeric_limits<double>::quiet_NaN(); std::isfinite(x))
        samples.push_back(x);
    if (!samples.empty())
      out.push_back(summarise_samples(std::move(samples), options, named_summary(metric)));
  }
  std::vector<double> gaps;
  for (const auto* r : valid)
    for (size_t i = 1; facts.streaming && i < r->token_ns.size(); ++i)
      if (r->token_ns[i] >= begin_ns && r->token_ns[i] < end_ns)
        gaps.push_back(static_cast<double>(r->token_ns[i] - r->token_ns[i - 1]) / 1e6);
  auto pooled = named_summary(gap_metric(options.profile));
  pooled.pooled = true;
  if (!gaps.empty())
    out.push_back(summarise_samples(std::move(gaps), options, std::move(pooled)));
  const run_span span{begin_ns, end_ns};
  const auto slices = slice_run(options.profile, requests, span);
  const std::vector<double> seconds(rate_slices, span.seconds() / rate_slices);
  out.push_back(window_rate("output_token_throughput", "Output Token Throughput", "tokens/sec",
                            slices.at("output_token_throughput"), seconds, options.confidence));
  out.push_back(window_rate("request_throughput", "Request Throughput", "requests/sec", slices.at("request_throughput"),
                            seconds, options.confidence));
  return out;
}

} // namespace sextant::statistics
