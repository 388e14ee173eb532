// sla.cpp: Shares of good requests, Wald's test, LoadGen's bound.
#include "actors/metrics/statistics/sla.hpp"

#include <algorithm>
#include <cmath>

#include "actors/metrics/statistics/dependence.hpp"
#include "messages/point_value.hpp"
#include "messages/request_metrics.hpp"
#include "messages/run_metrics.hpp"
#include "messages/special_functions.hpp"

namespace sextant::statistics {

namespace {

constexpr size_t fewest_for_dependence = 50;

bool is_good(const std::vector<objective>& limits, const std::vector<request_metric>& metrics, const request_record& r) {
  return is_valid(r) && std::all_of(limits.begin(), limits.end(), [&](const objective& limit) {
           const auto m = std::find_if(metrics.begin(), metrics.end(), [&](const auto& x) { return limit.metric == x.tag; });
           if (m == metrics.end())
             return false;
           const double x = m->of(r);
           return std::isfinite(x) && (m->larger_is_better ? x >= limit.limit : x <= limit.limit);
         });
}

} // namespace

bool is_latency(metric_profile profile, std::string_view tag) {
  if (profile == metric_profile::vllm || profile == metric_profile::mlperf)
    return tag == "ttft" || tag == "tpot" || tag == "e2el";
  return tag == "time_to_first_token" || tag == "inter_token_latency" || tag == "request_latency";
}

goodput_result goodput_of(const std::vector<objective>& limits, metric_profile profile,
                          const std::vector<request_record>& requests, double confidence) {
  goodput_result g;
  g.limits = limits;
  g.counted = requests.size();
  const auto metrics = request_metrics(profile);
  double tokens = 0;
  std::vector<std::pair<int64_t, double>> timed;
  timed.reserve(requests.size());
  for (const auto& r : requests) {
    const bool good = is_good(limits, metrics, r);
    timed.emplace_back(r.sent_ns, good ? 1 : 0);
    g.good += good;
    tokens += good ? output_tokens(r) : 0;
  }
  if (const double seconds = span_of(profile, requests).seconds(); seconds > 0) {
    g.requests_per_s = static_cast<double>(g.good) / seconds;
    g.tokens_per_s = tokens / seconds;
  }
  if (g.counted == 0)
    return g;
  // Good and bad requests come in runs: as many independent ones as tell as much. A few show no dependence.
  std::sort(timed.begin(), timed.end());
  std::vector<double> ordered;
  ordered.reserve(timed.size());
  for (const auto& [sent, good] : timed)
    ordered.push_back(good);
  g.effective_count =
      ordered.size() < fewest_for_dependence ? static_cast<double>(ordered.size()) : effective_count(ordered);
  // Wilson's interval.
  const double n = g.effective_count, p = static_cast<double>(g.good) / static_cast<double>(g.counted);
  const double z = normal_quantile((1 + confidence) / 2), z2 = z * z / n;
  const double middle = (p + z2 / 2) / (1 + z2), half = z * std::sqrt(p * (1 - p) / n + z2 / (4 * n)) / (1 + z2);
  g.fraction = p;
  g.fraction_low = std::max(0.0, middle - half);
  g.fraction_high = std::min(1.0, middle + half);
  return g;
}

sla_verdict sequential_verdict(const std::vector<bool>& over, double allowed, double risk) {
  sla_verdict v;
  const double p0 = allowed, p1 = 2 * allowed, edge = std::log((1 - risk) / risk);
  double sum = 0;
  for (size_t i = 0; i < over.size(); ++i) {
    sum += over[i] ? std::log(p1 / p0) : std::log((1 - p1) / (1 - p0));
    if (std::abs(sum) >= edge) {
      v.decision = sum > 0 ? sla_verdict::outcome::fail : sla_verdict::outcome::pass;
      v.decided_after = i + 1;
      break;
    }
  }
  v.log_likelihood_ratio = sum;
  return v;
}

size_t early_stopping_required(size_t over, double quantile, double confidence) {
  size_t low = 0, high = 1;
  const auto enough = [&](size_t h) {
    return h > 0 && incomplete_beta(static_cast<double>(h), 1 + static_cast<double>(over), quantile) <= 1 - confidence;
  };
  while (!enough(high))
    high *= 2;
  while (high - low > 1)
    (enough((low + high) / 2) ? high : low) = (low + high) / 2;
  return high;
}

std::optional<double> early_stopping_bound(std::span<const double> sorted, double quantile, double confidence) {
  const size_t n = sorted.size();
  if (early_stopping_required(0, quantile, confidence) > n)
    return std::nullopt;
  // As many over the limit as n samples bear: the more, the lower the bound.
  size_t low = 0, high = n;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    (middle + early_stopping_required(middle, quantile, confidence) <= n ? low : high) = middle;
  }
  return sorted[n - 1 - low];
}

} // namespace sextant::statistics
