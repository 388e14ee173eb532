// checks.cpp: One function per check.
#include "actors/metrics/statistics/checks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "actors/metrics/statistics/sorting.hpp"
#include "actors/metrics/statistics/steady_state.hpp"
#include "messages/request_metrics.hpp"

namespace sextant::statistics {

namespace {

using outcome = consistency_check::outcome;

constexpr double little_limit = 0.02;
constexpr double token_limit = 0.005;
constexpr double rate_limit = 0.01;
/// Kolmogorov's distance times the root of n, exceeded by chance in one run of a thousand.
constexpr double arrival_limit = 1.95;
constexpr size_t fewest_arrivals = 100;

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

consistency_check at_most(const char* name, double value, double limit, std::string detail) {
  return {name, value <= limit ? outcome::passed : outcome::failed, value, limit, std::move(detail)};
}

consistency_check not_applicable(const char* name, std::string why) {
  return {name, outcome::not_applicable, 0, 0, std::move(why)};
}

consistency_check check_little(const littles_law& l) {
  if (!l.known)
    return not_applicable("littles_law", "the run is too short for its ends not to matter");
  return at_most("littles_law", l.difference, little_limit,
                 number(l.in_flight) + " requests in flight on average, " + number(l.completed_per_s) + "/s completed in "
                     + number(l.mean_s) + " s each");
}

bool in_order(const request_record& r) {
  int64_t before = r.sent_ns;
  if (r.intended_ns > 0 && r.intended_ns > r.sent_ns)
    return false;
  for (const auto t : r.token_ns) {
    if (t < before)
      return false;
    before = t;
  }
  return r.ended_ns == 0 || r.ended_ns >= before;
}

consistency_check check_order(const std::vector<request_record>& requests) {
  const auto wrong = std::count_if(requests.begin(), requests.end(), [](const auto& r) { return !in_order(r); });
  return at_most("stamps_in_order", static_cast<double>(wrong), 0,
                 "requests that were sent before they were due, or whose stamps go backwards");
}

/// Tokens that the events carried, as far as the client can tell.
double counted_tokens(const request_record& r) {
  return r.event_tokens.empty() ? static_cast<double>(r.token_ns.size())
                                : std::accumulate(r.event_tokens.begin(), r.event_tokens.end(), 0.0);
}

consistency_check check_tokens(const load_records& records) {
  double counted = 0, usage = 0;
  for (const auto& r : records.requests)
    if (is_valid(r) && r.usage_tokens > 0) {
      counted += counted_tokens(r);
      usage += r.usage_tokens;
    }
  if (!records.facts.streaming || usage == 0)
    return not_applicable("tokens_agree", "no streamed answer came with usage");
  return at_most("tokens_agree", std::abs(counted - usage) / usage, token_limit,
                 number(counted) + " output tokens in events, " + number(usage) + " by the engine's usage");
}

consistency_check check_duplicates(const std::vector<request_record>& requests) {
  std::vector<uint64_t> keys;
  keys.reserve(requests.size());
  for (const auto& r : requests)
    keys.push_back(static_cast<uint64_t>(r.wave) << 32 | r.index);
  std::sort(keys.begin(), keys.end());
  const auto different = std::unique(keys.begin(), keys.end()) - keys.begin();
  return at_most("no_duplicates", static_cast<double>(keys.size()) - static_cast<double>(different), 0,
                 "requests that were recorded again");
}

consistency_check check_lost(const load_records& records) {
  const auto& f = records.facts;
  if (f.planned_requests == 0)
    return not_applicable("none_lost", "the plan has no number of requests");
  const double there = static_cast<double>(records.requests.size()) + static_cast<double>(f.never_started);
  return at_most("none_lost", std::abs(static_cast<double>(f.planned_requests) - there), 0,
                 std::to_string(f.planned_requests) + " requests planned, " + std::to_string(records.requests.size())
                     + " recorded, " + std::to_string(f.never_started) + " never started");
}

consistency_check check_rate(const load_records& records) {
  const auto& f = records.facts;
  const bool even = f.arrivals == "constant" || f.arrivals == "poisson" || f.arrivals == "gamma";
  if (!even || f.request_rate <= 0 || f.concurrency_ramp_ns > 0 || records.requests.size() < fewest_arrivals)
    return not_applicable("rate_reached", "no steady rate was asked for, or too few requests were sent");
  // Against the plan's own times: a random plan misses its rate by chance, the client must not.
  auto [first, last] = std::minmax_element(records.requests.begin(), records.requests.end(),
                                           [](const auto& a, const auto& b) { return a.intended_ns < b.intended_ns; });
  const auto [sent_first, sent_last] = std::minmax_element(
      records.requests.begin(), records.requests.end(), [](const auto& a, const auto& b) { return a.sent_ns < b.sent_ns; });
  const auto planned = static_cast<double>(last->intended_ns - first->intended_ns);
  const auto took = static_cast<double>(sent_last->sent_ns - sent_first->sent_ns);
  if (planned <= 0)
    return not_applicable("rate_reached", "the records have no intended times");
  const auto gaps = static_cast<double>(records.requests.size() - 1);
  return at_most("rate_reached", std::abs(took - planned) / planned, rate_limit,
                 number(gaps / planned * 1e9) + " requests/s planned, " + number(gaps / took * 1e9) + " sent");
}

consistency_check check_cap(const load_records& records) {
  if (records.facts.concurrency <= 0)
    return not_applicable("concurrency_kept", "no limit of requests in flight");
  int flying = 0, most = 0;
  for (const auto& c : flight_changes(records.requests))
    most = std::max(most, flying += c.by);
  return at_most("concurrency_kept", most, records.facts.concurrency, "most requests in flight at once");
}

/// Kolmogorov's test of the gaps between sends against the exponential law of the mean that was seen.
consistency_check check_arrivals(const load_records& records) {
  const auto& f = records.facts;
  if (f.arrivals != "poisson" || f.concurrency > 0 || f.concurrency_ramp_ns > 0 || records.requests.size() < fewest_arrivals)
    return not_applicable("arrivals_as_asked", "no plain Poisson arrivals, or too few");
  std::vector<double> sends, gaps;
  for (const auto& r : records.requests)
    sends.push_back(static_cast<double>(r.sent_ns));
  sort_samples(sends);
  for (size_t i = 1; i < sends.size(); ++i)
    gaps.push_back(sends[i] - sends[i - 1]);
  sort_samples(gaps);
  const auto n = static_cast<double>(gaps.size());
  const double mean = (sends.back() - sends.front()) / n;
  double distance = 0;
  for (size_t i = 0; i < gaps.size(); ++i) {
    const double law = 1 - std::exp(-gaps[i] / mean);
    distance = std::max({distance, law - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - law});
  }
  return at_most("arrivals_as_asked", distance * std::sqrt(n), arrival_limit,
                 "Kolmogorov's distance of the gaps between sends from the exponential law, times the root of their number");
}

} // namespace

littles_law littles_law_over(const std::vector<request_record>& requests, int64_t begin_ns, int64_t end_ns) {
  littles_law l;
  if (end_ns <= begin_ns)
    return l;
  double overlap_s = 0, time_s = 0, completed = 0;
  for (const auto& r : requests) {
    const int64_t end = r.ended_ns > 0 ? r.ended_ns : r.token_ns.empty() ? 0 : r.token_ns.back();
    if (end <= 0 || end < r.sent_ns)
      continue;
    overlap_s += static_cast<double>(std::max<int64_t>(0, std::min(end, end_ns) - std::max(r.sent_ns, begin_ns))) / 1e9;
    if (end >= begin_ns && end < end_ns) {
      completed += 1;
      time_s += static_cast<double>(end - r.sent_ns) / 1e9;
    }
  }
  const double seconds = static_cast<double>(end_ns - begin_ns) / 1e9;
  l.in_flight = overlap_s / seconds;
  l.completed_per_s = completed / seconds;
  l.mean_s = completed > 0 ? time_s / completed : 0;
  if (l.in_flight <= 0 || completed == 0)
    return l;
  l.difference = std::abs(l.in_flight - l.completed_per_s * l.mean_s) / l.in_flight;
  l.known = l.mean_s / (seconds * std::sqrt(std::max(1.0, l.in_flight))) <= little_limit / 2;
  return l;
}

std::vector<consistency_check> check_run(const load_records& records, const littles_law& little) {
  return {check_little(little), check_order(records.requests), check_tokens(records), check_duplicates(records.requests),
          check_lost(records),  check_rate(records),           check_cap(records),    check_arrivals(records)};
}

} // namespace sextant::statistics
