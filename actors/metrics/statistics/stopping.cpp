// stopping.cpp: Precision, verdicts, budgets, in this order.
#include "actors/metrics/statistics/stopping.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "actors/metrics/statistics/sla.hpp"

namespace sextant::statistics {

namespace {

/// Two-sided 95 % interval of a p99 with both ends.
constexpr size_t fewest_for_p99 = 368;
constexpr double growth = 1.25;

bool is_watched(metric_profile profile, std::string_view tag) {
  return is_latency(profile, tag) || tag == "output_token_throughput" || tag == "output_throughput";
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g %%", share * 100);
  return text;
}

/// What misses the wanted precision; empty: nothing.
std::string imprecise(const load_summary& s, const stop_wishes& wishes) {
  const auto lacks = [](double low, double high, double value, double wanted) {
    return !(value > 0) || !((high - low) / 2 <= wanted / (1 + wanted) * value);
  };
  for (const auto& m : s.metrics) {
    if (!is_watched(s.profile, m.tag))
      continue;
    if (wishes.precision > 0 && (!m.interval_known || lacks(m.values.low, m.values.high, m.values.mean, wishes.precision)))
      return m.tag + " is known to "
             + (m.interval_known && m.values.mean > 0 ? percent((m.values.high - m.values.low) / 2 / m.values.mean)
                                                      : std::string{"no interval"});
    const auto p99 = std::find_if(m.quantiles.begin(), m.quantiles.end(), [](const auto& q) { return q.q == 0.99; });
    if (wishes.tail_precision > 0 && p99 != m.quantiles.end()
        && (!p99->known() || lacks(p99->low, p99->high, p99->value, wishes.tail_precision)))
      return m.tag + " p99 is known to "
             + (p99->known() && p99->value > 0 ? percent((p99->high - p99->low) / 2 / p99->value)
                                               : std::string{"no interval"});
  }
  return {};
}

/// First send to last end, failed requests included.
int64_t time_taken_ns(const std::vector<request_record>& requests) {
  if (requests.empty())
    return 0;
  int64_t begin = requests.front().sent_ns, end = begin;
  for (const auto& r : requests) {
    begin = std::min(begin, r.sent_ns);
    end = std::max({end, r.ended_ns, r.token_ns.empty() ? r.sent_ns : r.token_ns.back()});
  }
  return end - begin;
}

bool all_decided(const load_summary& s) {
  return !s.verdicts.empty() && std::all_of(s.verdicts.begin(), s.verdicts.end(), [](const auto& v) {
    return v.decision != sla_verdict::outcome::undecided;
  });
}

} // namespace

stop_answer next_batch(const load_records& so_far, const summary_options& options, const stop_wishes& wishes) {
  stop_answer answer;
  const size_t n = so_far.requests.size();
  const int64_t took = time_taken_ns(so_far.requests);
  size_t fewest = std::max<size_t>(1, wishes.fewest_requests);
  if (wishes.tail_precision > 0)
    fewest = std::max(fewest, fewest_for_p99);
  answer.ask_again_at = std::max(fewest, static_cast<size_t>(std::ceil(static_cast<double>(n) * growth)));
  if (wishes.most_requests > 0)
    answer.ask_again_at = std::min<size_t>(answer.ask_again_at, std::max<size_t>(n + 1, wishes.most_requests));
  const bool wants_precision = wishes.precision > 0 || wishes.tail_precision > 0;
  if (n >= fewest && took >= wishes.fewest_ns && (wants_precision || wishes.verdicts)) {
    auto quick = options;
    quick.validity = false;
    const auto summary = summarise_load(so_far, quick);
    const auto lacking = wants_precision ? imprecise(summary, wishes) : std::string{};
    if (wants_precision && lacking.empty())
      return {next_step::enough, "wanted precision reached", answer.ask_again_at};
    if (wishes.verdicts && all_decided(summary))
      return {next_step::enough, "every limit is decided", answer.ask_again_at};
    answer.reason = lacking.empty() ? "a limit is undecided" : lacking;
  } else if (wants_precision || wishes.verdicts) {
    answer.reason = "too few requests to look";
  }
  if ((wishes.most_requests > 0 && n >= wishes.most_requests) || (wishes.most_ns > 0 && took >= wishes.most_ns))
    answer.step = next_step::budget_spent;
  return answer;
}

} // namespace sextant::statistics
