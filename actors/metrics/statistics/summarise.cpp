// summarise.cpp: Puts the parts of a summary together.
#include "actors/metrics/statistics/summarise.hpp"

#include <algorithm>
#include <cmath>

#include "actors/metrics/statistics/definitions.hpp"
#include "actors/metrics/statistics/dependence.hpp"
#include "actors/metrics/statistics/derived.hpp"
#include "actors/metrics/statistics/quantiles.hpp"
#include "messages/point_value.hpp"

namespace sextant::statistics {

namespace {

constexpr double reported_quantiles[] = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999};

double trimmed_mean(std::span<const double> sorted) {
  const size_t cut = sorted.size() / 10;
  double sum = 0;
  for (size_t i = cut; i < sorted.size() - cut; ++i)
    sum += sorted[i];
  return sorted.empty() ? 0 : sum / static_cast<double>(sorted.size() - 2 * cut);
}

/// LoadGen's percentiles: the sample at index n q.
void use_order_statistics(metric_summary& m, std::span<const double> sorted) {
  const auto at = [&](double q) {
    return sorted[std::min(sorted.size() - 1, static_cast<size_t>(q * static_cast<double>(sorted.size())))];
  };
  auto& d = m.values;
  const std::pair<double*, double> wanted[] = {{&d.p1, 0.01},  {&d.p5, 0.05},  {&d.p10, 0.10},
                                               {&d.p25, 0.25}, {&d.p50, 0.50}, {&d.p75, 0.75},
                                               {&d.p90, 0.90}, {&d.p95, 0.95}, {&d.p99, 0.99}};
  for (const auto& [target, q] : wanted)
    *target = at(q);
  for (auto& quantile : m.quantiles)
    quantile.value = at(quantile.q);
}

void name_metric(metric_summary& m, const request_metric& from) {
  m.tag = from.tag;
  m.header = from.header;
  m.unit = from.unit;
  m.ours = from.ours;
  m.larger_is_better = from.larger_is_better;
}

using ordered_requests = std::vector<const request_record*>;

/// Valid requests in order of the time the plan wanted them sent.
ordered_requests valid_in_order(const std::vector<request_record>& requests) {
  ordered_requests out;
  for (const auto& r : requests)
    if (is_valid(r))
      out.push_back(&r);
  const auto time = [](const request_record* r) { return r->intended_ns > 0 ? r->intended_ns : r->sent_ns; };
  std::stable_sort(out.begin(), out.end(), [&](const auto* a, const auto* b) { return time(a) < time(b); });
  return out;
}

std::vector<metric_summary> metrics_of(const load_facts& facts, const std::vector<request_record>& all,
                                       const summary_options& options) {
  std::vector<metric_summary> out;
  const auto valid = valid_in_order(all);
  for (const auto& metric : request_metrics(options.profile)) {
    if (metric.streaming_only && !facts.streaming)
      continue;
    std::vector<double> samples;
    samples.reserve(valid.size());
    for (const auto* r : valid)
      if (const double x = metric.of(*r); std::isfinite(x))
        samples.push_back(x);
    if (samples.empty())
      continue;
    auto m = summarise_samples(std::move(samples), options);
    name_metric(m, metric);
    out.push_back(std::move(m));
  }
  if (facts.streaming) {
    std::vector<double> gaps;
    for (const auto* r : valid)
      append_gaps_ms(options.profile, *r, gaps);
    if (!gaps.empty()) {
      auto m = summarise_samples(std::move(gaps), options);
      name_metric(m, gap_metric(options.profile));
      m.pooled = true;
      out.push_back(std::move(m));
    }
  }
  for (auto& m : derived_metrics(facts, options.profile, all, options.confidence))
    out.push_back(std::move(m));
  return out;
}

/// TTFT and latency once from the plan's time, once from the send.
std::vector<both_origins> origins_of(const load_facts& facts, const std::vector<request_record>& all,
                                     const summary_options& options) {
  std::vector<both_origins> out;
  if (std::none_of(all.begin(), all.end(), [](const auto& r) { return r.intended_ns > 0; }))
    return out;
  const auto valid = valid_in_order(all);
  for (const bool first : {true, false}) {
    if (first && !facts.streaming)
      continue;
    std::vector<double> from_intended, from_send;
    for (const auto* r : valid) {
      const int64_t end = first ? r->token_ns.front() : r->token_ns.back();
      from_send.push_back(static_cast<double>(end - r->sent_ns) / 1e6);
      from_intended.push_back(static_cast<double>(end - (r->intended_ns > 0 ? r->intended_ns : r->sent_ns)) / 1e6);
    }
    if (from_send.empty())
      continue;
    both_origins both;
    both.metric = first ? "time_to_first_token" : "request_latency";
    both.from_intended = summarise_samples(std::move(from_intended), options);
    both.from_send = summarise_samples(std::move(from_send), options);
    both.from_intended.unit = both.from_send.unit = "ms";
    both.from_intended.tag = both.metric + "_from_intended";
    both.from_send.tag = both.metric + "_from_send";
    out.push_back(std::move(both));
  }
  return out;
}

void count_requests(const std::vector<request_record>& all, load_summary& s) {
  s.sent = all.size();
  for (const auto& r : all) {
    s.valid += is_valid(r);
    s.cancelled += r.fault == request_fault_class::cancelled;
    s.timed_out += r.fault == request_fault_class::timed_out || r.fault == request_fault_class::stalled;
  }
  s.failed = s.sent - s.valid;
}

} // namespace

metric_summary summarise_samples(std::vector<double> ordered, const summary_options& options) {
  metric_summary m;
  auto sorted = ordered;
  std::sort(sorted.begin(), sorted.end());
  m.values = describe_sorted(sorted);
  m.sum = m.values.mean * static_cast<double>(sorted.size());
  m.trimmed_mean = trimmed_mean(sorted);
  m.effective_count = static_cast<double>(sorted.size());
  m.values.low = m.values.high = m.values.mean;
  if (options.intervals && !sorted.empty()) {
    m.effective_count = effective_count(ordered);
    const auto mean = interval_of_dependent_mean(ordered, options.confidence);
    m.interval_known = mean.known;
    m.values.low = mean.low;
    m.values.high = mean.high;
    for (const double q : reported_quantiles) {
      const auto d = dependence_of_indicator(ordered, percentile_of_sorted(sorted, q), q);
      m.quantiles.push_back(estimate_quantile(sorted, q, options.confidence, d.effective, d.degrees));
    }
  }
  if (options.profile == metric_profile::mlperf && !sorted.empty())
    use_order_statistics(m, sorted);
  return m;
}

load_summary summarise_load(const load_records& records, const summary_options& options) {
  load_summary s;
  s.profile = options.profile;
  s.definitions = definitions_of(options.profile);
  s.confidence = options.confidence;
  s.remarks = records.facts.remarks;
  count_requests(records.requests, s);
  const auto span = span_of(options.profile, records.requests);
  s.first_send_ns = span.begin_ns;
  s.last_end_ns = span.end_ns;
  s.metrics = metrics_of(records.facts, records.requests, options);
  if (!records.warming.empty())
    s.warmup = metrics_of(records.facts, records.warming, options);
  s.origins = origins_of(records.facts, records.requests, options);
  s.errors = count_errors(records.requests);
  return s;
}

} // namespace sextant::statistics
