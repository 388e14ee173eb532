// survival.cpp: Product-limit estimate.
#include "actors/metrics/statistics/survival.hpp"

#include <algorithm>
#include <cmath>

#include "messages/request_metrics.hpp"
#include "messages/special_functions.hpp"

namespace sextant::statistics {

namespace {

constexpr double reported_quantiles[] = {0.5, 0.9, 0.95, 0.99};
constexpr double unreached = std::numeric_limits<double>::infinity();

/// One step of the survival function: from `value` on.
struct survival_step {
  double value = 0, survival = 1, low = 1, high = 1;
};

std::vector<survival_step> survival_steps(std::span<const lifetime> sorted, double confidence) {
  const double z = normal_quantile((1 + confidence) / 2);
  std::vector<survival_step> steps;
  double survival = 1, variance = 0;
  for (size_t i = 0; i < sorted.size();) {
    const auto at_risk = static_cast<double>(sorted.size() - i);
    const double value = sorted[i].value;
    double deaths = 0;
    for (; i < sorted.size() && sorted[i].value == value; ++i)
      deaths += sorted[i].censored ? 0 : 1;
    if (deaths == 0)
      continue;
    survival *= 1 - deaths / at_risk;
    variance += at_risk > deaths ? deaths / (at_risk * (at_risk - deaths)) : 0;
    if (survival <= 0) {
      steps.push_back({value, 0, 0, 0});
      continue;
    }
    // log(-log S) is closer to normal than S, and keeps the ends between 0 and 1.
    const double log_survival = std::log(survival);
    const double half = z * std::sqrt(variance) / std::abs(log_survival);
    steps.push_back({value, survival, std::exp(log_survival * std::exp(half)), std::exp(log_survival * std::exp(-half))});
  }
  return steps;
}

bool is_cut_off(const request_record& r) {
  return r.fault == request_fault_class::cancelled || r.fault == request_fault_class::timed_out
         || r.fault == request_fault_class::stalled;
}

/// Milliseconds to the first or last token; nothing for requests that tell nothing.
std::vector<lifetime> lifetimes_of(const load_records& records, metric_profile profile, bool first) {
  std::vector<lifetime> out;
  out.reserve(records.requests.size());
  const auto add = [&](int64_t from, int64_t to, bool censored) {
    out.push_back({static_cast<double>(to - from) / 1e6, censored});
  };
  for (const auto& r : records.requests) {
    if (is_valid(r))
      add(r.sent_ns, first ? r.token_ns.front() : end_ns(profile, r), false);
    else if (is_cut_off(r) && first && !r.token_ns.empty())
      add(r.sent_ns, r.token_ns.front(), false);
    else if (is_cut_off(r) && r.ended_ns > r.sent_ns)
      add(r.sent_ns, r.ended_ns, true);
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.value != b.value ? a.value < b.value : a.censored < b.censored; });
  return out;
}

} // namespace

std::vector<quantile_estimate> survival_quantiles(std::span<const lifetime> sorted, std::span<const double> quantiles,
                                                  double confidence) {
  const auto steps = survival_steps(sorted, confidence);
  std::vector<quantile_estimate> out;
  for (const double q : quantiles) {
    const auto reached = [&](double survival_step::*curve) {
      const auto at = std::find_if(steps.begin(), steps.end(), [&](const auto& s) { return s.*curve <= 1 - q + 1e-12; });
      return at == steps.end() ? unreached : at->value;
    };
    quantile_estimate e;
    e.q = q;
    e.value = reached(&survival_step::survival);
    e.low = reached(&survival_step::low);
    e.high = reached(&survival_step::high);
    e.enough = std::isfinite(e.value);
    out.push_back(e);
  }
  return out;
}

std::vector<survival_estimate> estimate_survival(const load_records& records, metric_profile profile, double confidence) {
  std::vector<survival_estimate> out;
  if (std::none_of(records.requests.begin(), records.requests.end(), is_cut_off))
    return out;
  for (const bool first : {true, false}) {
    if (first && !records.facts.streaming)
      continue;
    const auto lifetimes = lifetimes_of(records, profile, first);
    survival_estimate e;
    e.metric = first ? "time_to_first_token" : "request_latency";
    e.censored = static_cast<size_t>(std::count_if(lifetimes.begin(), lifetimes.end(), [](auto l) { return l.censored; }));
    e.observed = lifetimes.size() - e.censored;
    if (e.censored == 0)
      continue;
    e.quantiles = survival_quantiles(lifetimes, reported_quantiles, confidence);
    out.push_back(std::move(e));
  }
  return out;
}

} // namespace sextant::statistics
