// comparison.cpp: Estimates with intervals on both sides, intervals of their ratios, Holm's correction, verdicts.
#include "actors/metrics/statistics/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "actors/metrics/statistics/dependence.hpp"
#include "actors/metrics/statistics/sla.hpp"
#include "messages/point_value.hpp"
#include "messages/request_metrics.hpp"
#include "messages/run_metrics.hpp"
#include "messages/special_functions.hpp"

namespace sextant::statistics {

namespace {

constexpr size_t fewest_runs = 3;
constexpr size_t fewest_pairs = 50;
/// Share of requests that must have a partner for a comparison by pairs.
constexpr double fewest_paired = 0.9;

/// An estimate of one run.
struct estimate {
  std::string metric, statistic, unit;
  bool larger_is_better = false;
  double value = 0, low = 0, high = 0;
  bool known = false;
};

bool is_rate(std::string_view tag) {
  return tag == "request_throughput" || tag == "output_token_throughput" || tag == "output_throughput";
}

std::vector<estimate> estimates_of(const load_summary& s) {
  std::vector<estimate> out;
  for (const auto& m : s.metrics) {
    if (is_rate(m.tag) && m.single)
      out.push_back({m.tag, "rate", m.unit, true, m.values.mean, m.values.low, m.values.high, m.interval_known});
    if (!is_latency(s.profile, m.tag) || m.single)
      continue;
    out.push_back({m.tag, "mean", m.unit, false, m.values.mean, m.values.low, m.values.high, m.interval_known});
    for (const auto& q : m.quantiles)
      if (q.q == 0.5 || q.q == 0.99)
        out.push_back({m.tag, q.q == 0.5 ? "p50" : "p99", m.unit, false, q.value, q.low, q.high, q.known()});
  }
  for (size_t i = 0; i < s.goodput.size(); ++i) {
    const auto& g = s.goodput[i];
    out.push_back({i == 0 ? "good_requests" : "good_requests_" + std::to_string(i + 1), "fraction", "ratio", true,
                   g.fraction, g.fraction_low, g.fraction_high, g.counted > 0});
  }
  return out;
}

/// Fills ratio, interval and p from a difference of logarithms with its half widths at `confidence`.
void use_logarithms(metric_comparison& c, double difference, double down, double up, double confidence) {
  c.ratio = std::exp(difference);
  c.low = std::exp(difference - down);
  c.high = std::exp(difference + up);
  c.known = std::isfinite(down) && std::isfinite(up);
  // The half width towards 1 in standard errors.
  const double half = difference > 0 ? down : up, z = normal_quantile((1 + confidence) / 2);
  if (c.known && half > 0)
    c.p = 2 * (1 - normal_at_most(std::abs(difference) / half * z));
  else if (c.known)
    c.p = difference == 0 ? 1 : 0;
}

metric_comparison start(const estimate& a, const estimate& b) {
  metric_comparison c;
  c.metric = a.metric;
  c.statistic = a.statistic;
  c.unit = a.unit;
  c.larger_is_better = a.larger_is_better;
  c.a = a.value;
  c.b = b.value;
  c.ratio = a.value > 0 ? b.value / a.value : std::numeric_limits<double>::quiet_NaN();
  c.high = std::numeric_limits<double>::infinity();
  return c;
}

metric_comparison by_intervals(const estimate& a, const estimate& b, double confidence) {
  auto c = start(a, b);
  c.method = "independent samples";
  if (!a.known || !b.known || a.value <= 0 || b.value <= 0 || a.low <= 0 || b.low <= 0)
    return c;
  const auto width = [](double x, double y) { return std::log(x) - std::log(y); };
  const double down = std::hypot(width(b.value, b.low), width(a.high, a.value));
  const double up = std::hypot(width(b.high, b.value), width(a.value, a.low));
  use_logarithms(c, std::log(b.value / a.value), down, up, confidence);
  return c;
}

metric_comparison by_runs(const std::vector<estimate>& a, const std::vector<estimate>& b, double confidence) {
  const auto logarithms = [](const std::vector<estimate>& from) {
    std::vector<double> out;
    for (const auto& e : from)
      out.push_back(std::log(e.value));
    return interval_of_mean(out);
  };
  const auto x = logarithms(a), y = logarithms(b);
  estimate mean_a = a.front(), mean_b = b.front();
  mean_a.value = std::exp(x.mean);
  mean_b.value = std::exp(y.mean);
  auto c = start(mean_a, mean_b);
  c.method = "runs";
  if (!std::isfinite(x.mean) || !std::isfinite(y.mean))
    return c;
  const double va = x.deviation * x.deviation / static_cast<double>(x.count);
  const double vb = y.deviation * y.deviation / static_cast<double>(y.count);
  if (va + vb <= 0) {
    use_logarithms(c, y.mean - x.mean, 0, 0, confidence);
    return c;
  }
  // Welch and Satterthwaite.
  const double degrees =
      (va + vb) * (va + vb) / (va * va / static_cast<double>(x.count - 1) + vb * vb / static_cast<double>(y.count - 1));
  const double half = student_t_quantile((1 + confidence) / 2, std::max(1.0, degrees)) * std::sqrt(va + vb);
  use_logarithms(c, y.mean - x.mean, half, half, confidence);
  return c;
}

/// The same request on both sides.
struct pair_of_records {
  const request_record* a;
  const request_record* b;
};

std::vector<pair_of_records> pairs_of(const load_records& a, const load_records& b) {
  std::map<std::pair<uint32_t, uint32_t>, const request_record*> of_a;
  for (const auto& r : a.requests)
    of_a[{r.wave, r.index}] = &r;
  std::vector<pair_of_records> out;
  for (const auto* r : valid_in_order(b.requests)) {
    const auto at = of_a.find({r->wave, r->index});
    if (at != of_a.end() && is_valid(*at->second) && at->second->planned_isl == r->planned_isl
        && at->second->planned_osl == r->planned_osl && output_tokens(*at->second) == output_tokens(*r))
      out.push_back({at->second, r});
  }
  const auto most = std::max(a.requests.size(), b.requests.size());
  const bool enough =
      out.size() >= fewest_pairs && static_cast<double>(out.size()) >= fewest_paired * static_cast<double>(most);
  return enough ? out : std::vector<pair_of_records>{};
}

void by_pairs(metric_comparison& c, const std::vector<pair_of_records>& pairs, const summary_options& options) {
  for (const auto& metric : request_metrics(options.profile)) {
    if (c.metric != metric.tag || c.statistic != "mean")
      continue;
    std::vector<double> a, b, differences;
    for (const auto& pair : pairs) {
      const double x = metric.of(*pair.a), y = metric.of(*pair.b);
      if (!std::isfinite(x) || !std::isfinite(y))
        continue;
      a.push_back(x);
      b.push_back(y);
      differences.push_back(y - x);
    }
    if (a.size() < fewest_pairs)
      return;
    const size_t batches = batch_count(a.size(), autocorrelation_time(differences));
    const auto ratio = interval_of_ratio(batch_means(b, batches), batch_means(a, batches), options.confidence);
    if (!ratio.known || ratio.low <= 0)
      return;
    c.method = "paired requests";
    c.a = std::accumulate(a.begin(), a.end(), 0.0) / static_cast<double>(a.size());
    c.b = std::accumulate(b.begin(), b.end(), 0.0) / static_cast<double>(b.size());
    const double log_ratio = std::log(ratio.mean);
    use_logarithms(c, log_ratio, log_ratio - std::log(ratio.low), std::log(ratio.high) - log_ratio, options.confidence);
  }
}

/// Holm's step-down: the chance of any false alarm among all metrics stays that of one.
void correct(std::vector<metric_comparison>& all) {
  std::vector<metric_comparison*> order;
  for (auto& c : all)
    if (c.known)
      order.push_back(&c);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->p < b->p; });
  double least = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    least = std::max(least, std::min(1.0, order[i]->p * static_cast<double>(order.size() - i)));
    order[i]->p_corrected = least;
  }
}

change verdict_of(const metric_comparison& c, double margin, double confidence) {
  if (!c.known)
    return change::unclear;
  if (c.low >= 1 / (1 + margin) && c.high <= 1 + margin)
    return change::same;
  const bool matters = c.ratio > 1 + margin || c.ratio < 1 / (1 + margin);
  if (c.p_corrected > 1 - confidence || !matters)
    return change::unclear;
  return (c.ratio > 1) == c.larger_is_better ? change::better : change::worse;
}

} // namespace

comparison compare_runs(const std::vector<load_records>& a, const std::vector<load_records>& b,
                        const comparison_options& options) {
  comparison out;
  out.runs_a = a.size();
  out.runs_b = b.size();
  if (a.empty() || b.empty())
    return out;
  auto quick = options.summary;
  quick.validity = false;
  const auto estimates = [&](const std::vector<load_records>& runs) {
    std::vector<std::map<std::string, estimate>> all;
    for (const auto& run : runs) {
      all.emplace_back();
      for (auto& e : estimates_of(summarise_load(run, quick)))
        all.back()[e.metric + ' ' + e.statistic] = std::move(e);
    }
    return all;
  };
  const auto of_a = estimates(a), of_b = estimates(b);
  const bool over_runs = a.size() >= fewest_runs && b.size() >= fewest_runs;
  const auto pairs = over_runs ? std::vector<pair_of_records>{} : pairs_of(a.front(), b.front());
  out.paired_requests = pairs.size();
  for (const auto& [name, first] : of_a.front()) {
    std::vector<estimate> side_a, side_b;
    for (const auto& run : of_a)
      if (const auto at = run.find(name); at != run.end())
        side_a.push_back(at->second);
    for (const auto& run : of_b)
      if (const auto at = run.find(name); at != run.end())
        side_b.push_back(at->second);
    if (side_b.empty())
      continue;
    const bool all_runs = over_runs && side_a.size() >= fewest_runs && side_b.size() >= fewest_runs;
    auto c = all_runs ? by_runs(side_a, side_b, options.summary.confidence)
                      : by_intervals(side_a.front(), side_b.front(), options.summary.confidence);
    if (!all_runs && !pairs.empty())
      by_pairs(c, pairs, options.summary);
    out.metrics.push_back(std::move(c));
  }
  correct(out.metrics);
  for (auto& c : out.metrics) {
    c.verdict = verdict_of(c, options.margin, options.summary.confidence);
    out.worse |= c.verdict == change::worse;
    out.unclear |= c.verdict == change::unclear;
  }
  out.unclear &= !out.worse;
  if (!over_runs)
    out.remarks.push_back("one run of each side was compared: how much runs differ from start to start of a server is in no "
                          "interval; three runs on each side show it");
  if (!over_runs && pairs.empty())
    out.remarks.push_back("the sides did not send the same requests: with one --random-seed they would be compared pair by "
                          "pair, which is much sharper");
  for (const auto* side : {&a, &b})
    for (const auto& run : *side)
      if (run.facts.client_limited)
        out.remarks.push_back("a run was limited by its client: " + run.facts.benchmark_id);
  return out;
}

} // namespace sextant::statistics
