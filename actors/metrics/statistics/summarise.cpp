// summarise.cpp: Puts the parts of a summary together.
#include "actors/metrics/statistics/summarise.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "actors/metrics/statistics/checks.hpp"
#include "actors/metrics/statistics/dependence.hpp"
#include "actors/metrics/statistics/quantiles.hpp"
#include "actors/metrics/statistics/rates.hpp"
#include "actors/metrics/statistics/sla.hpp"
#include "actors/metrics/statistics/sorting.hpp"
#include "actors/metrics/statistics/steady_state.hpp"
#include "actors/metrics/statistics/survival.hpp"
#include "actors/metrics/statistics/timeline.hpp"
#include "messages/point_value.hpp"
#include "messages/request_metrics.hpp"
#include "messages/run_metrics.hpp"

namespace sextant::statistics {

namespace {

constexpr size_t timeline_slices = 200;
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

/// Fewer samples are not worth a thread.
constexpr size_t many_samples = 50'000;

std::vector<metric_summary> metrics_of(const load_facts& facts, const std::vector<request_record>& all,
                                       const summary_options& options) {
  struct pending {
    metric_summary named;
    std::vector<double> ordered;
  };
  std::vector<pending> work;
  for_each_metric(facts, options.profile, all, [&](metric_summary named, std::vector<double> ordered) {
    work.push_back({std::move(named), std::move(ordered)});
  });
  std::vector<metric_summary> out(work.size());
  std::atomic<size_t> next{0};
  const auto take_turns = [&] {
    for (size_t i = next++; i < work.size(); i = next++)
      out[i] = summarise_samples(std::move(work[i].ordered), options, std::move(work[i].named));
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; all.size() >= many_samples && i < std::thread::hardware_concurrency() && i < work.size(); ++i)
      helpers.emplace_back(take_turns);
    take_turns();
  }
  for (auto& m : derived_metrics(facts, options.profile, all))
    out.push_back(std::move(m));
  add_rate_intervals(options.profile, all, options.confidence, out);
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
    from_intended.reserve(valid.size());
    from_send.reserve(valid.size());
    for (const auto* r : valid) {
      const int64_t end = first ? r->token_ns.front() : r->token_ns.back();
      from_send.push_back(static_cast<double>(end - r->sent_ns) / 1e6);
      from_intended.push_back(static_cast<double>(end - (r->intended_ns > 0 ? r->intended_ns : r->sent_ns)) / 1e6);
    }
    if (from_send.empty())
      continue;
    both_origins both;
    both.metric = first ? "time_to_first_token" : "request_latency";
    metric_summary named;
    named.unit = "ms";
    named.ours = true;
    named.tag = both.metric + "_from_intended";
    both.from_intended = summarise_samples(std::move(from_intended), options, named);
    named.tag = both.metric + "_from_send";
    both.from_send = summarise_samples(std::move(from_send), options, named);
    out.push_back(std::move(both));
  }
  return out;
}

/// A failed request is over every limit.
sla_verdict verdict_on(const sla_limit& wanted, metric_profile profile, const std::vector<request_record>& requests) {
  std::vector<std::pair<int64_t, const request_record*>> ordered;
  ordered.reserve(requests.size());
  for (const auto& r : requests)
    ordered.emplace_back(r.sent_ns, &r);
  std::sort(ordered.begin(), ordered.end());
  sla_verdict v;
  std::vector<bool> over;
  std::vector<double> values;
  for (const auto& metric : request_metrics(profile)) {
    if (wanted.limit.metric != metric.tag)
      continue;
    for (const auto& [sent, r] : ordered) {
      const double x = is_valid(*r) ? metric.of(*r) : std::numeric_limits<double>::quiet_NaN();
      over.push_back(!(metric.larger_is_better ? x >= wanted.limit.limit : x <= wanted.limit.limit));
      if (!metric.larger_is_better)
        values.push_back(std::isfinite(x) ? x : std::numeric_limits<double>::infinity());
    }
    v = sequential_verdict(over, 1 - wanted.quantile);
  }
  sort_samples(values);
  if (const auto bound = early_stopping_bound(values, wanted.quantile); bound && std::isfinite(*bound)) {
    v.early_stopping_bound = *bound;
    v.bound_known = true;
  }
  v.limit = wanted.limit;
  v.quantile = wanted.quantile;
  return v;
}

/// Steady window, Little's law, checks, what cut-off requests tell, and the run over time.
void add_validity(const load_records& records, const summary_options& options, load_summary& s) {
  s.steady = find_window(records.facts, options.profile, records.requests);
  if (s.steady.found)
    s.steady.metrics = metrics_in_window(records.facts, records.requests, s.steady.begin_ns, s.steady.end_ns, options);
  s.little = littles_law_over(records.requests, s.steady.begin_ns, s.steady.end_ns);
  s.checks = check_run(records, s.little);
  s.survival = estimate_survival(records, options.profile, options.confidence);
  s.histograms = count_latencies(records.facts, options.profile, records.requests);
  s.timeline = timeline_of(options.profile, records.requests, timeline_slices);
}

} // namespace

metric_summary summarise_samples(std::vector<double> ordered, const summary_options& options, metric_summary named) {
  auto& m = named;
  auto sorted = ordered;
  sort_samples(sorted);
  m.values = describe_sorted(sorted);
  m.sum = m.values.mean * static_cast<double>(sorted.size());
  m.trimmed_mean = trimmed_mean(sorted);
  m.effective_count = static_cast<double>(sorted.size());
  m.values.low = m.values.high = m.values.mean;
  if (options.intervals && !sorted.empty()) {
    const double time = autocorrelation_time(ordered);
    m.effective_count = static_cast<double>(ordered.size()) / time;
    const auto mean = interval_of_dependent_mean(ordered, time, options.confidence);
    m.interval_known = mean.known;
    m.values.low = mean.low;
    m.values.high = mean.high;
    for (const double q : reported_quantiles) {
      const auto d = dependence_of_indicator(ordered, percentile_of_sorted(sorted, q), q, time);
      m.quantiles.push_back(estimate_quantile(sorted, q, options.confidence, d.effective, d.degrees));
    }
  }
  if (options.profile == metric_profile::mlperf && !sorted.empty())
    use_order_statistics(m, sorted);
  return named;
}

load_summary summarise_load(const load_records& records, const summary_options& options) {
  auto s = count_run(records, options.profile);
  s.confidence = options.confidence;
  s.metrics = metrics_of(records.facts, records.requests, options);
  if (!records.warming.empty())
    s.warmup = metrics_of(records.facts, records.warming, options);
  s.origins = origins_of(records.facts, records.requests, options);
  for (const auto& limits : options.goodput)
    s.goodput.push_back(goodput_of(limits, options.profile, records.requests, options.confidence));
  for (const auto& limit : options.limits)
    s.verdicts.push_back(verdict_on(limit, options.profile, records.requests));
  if (options.intervals && options.validity)
    add_validity(records, options, s);
  return s;
}

} // namespace sextant::statistics
