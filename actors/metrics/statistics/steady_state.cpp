// steady_state.cpp: MSER-5 over several signals, drain by the same rule backwards, drift by rank correlation.
#include "actors/metrics/statistics/steady_state.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "actors/metrics/statistics/dependence.hpp"
#include "messages/request_metrics.hpp"
#include "messages/run_metrics.hpp"

namespace sextant::statistics {

namespace {

constexpr size_t batch_length = 5;
constexpr size_t fewest_samples_for_mser = 50;
constexpr size_t time_slices = 1000;
/// Variation around the settled mean that does not count, as a share of it: requests in flight of a closed loop dip for
/// microseconds between an end and the next send, and else stand still.
constexpr double noise_floor = 0.02;
/// Batches of a window whose ranks are held against time.
constexpr size_t drift_batches = 20;
/// Rank correlation above which a signal drifts; by chance in about 2 of 1,000 independent series of 20.
constexpr double drift_limit = 0.65;

int64_t exchange_end_ns(const request_record& r) {
  return r.ended_ns > 0 ? r.ended_ns : r.token_ns.empty() ? 0 : r.token_ns.back();
}

std::vector<double> ranks_of(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  std::vector<double> ranks(x.size());
  for (size_t i = 0; i < order.size();) {
    size_t end = i;
    while (end < order.size() && x[order[end]] == x[order[i]])
      ++end;
    for (size_t k = i; k < end; ++k)
      ranks[order[k]] = static_cast<double>(i + end - 1) / 2;
    i = end;
  }
  return ranks;
}

/// Output tokens that arrive in each slice of [begin, end).
std::vector<double> tokens_by_slice(const std::vector<request_record>& requests, int64_t begin, int64_t end) {
  std::vector<double> out(time_slices);
  const double per_ns = static_cast<double>(time_slices) / static_cast<double>(end - begin);
  for (const auto& r : requests)
    for (size_t i = 0; i < r.token_ns.size(); ++i)
      if (const int64_t t = r.token_ns[i]; t >= begin && t < end)
        out[std::min(time_slices - 1, static_cast<size_t>(static_cast<double>(t - begin) * per_ns))] +=
            r.event_tokens.size() == r.token_ns.size() ? r.event_tokens[i] : 1.0;
  return out;
}

/// A signal over equal slices of time, or over requests with the times of their sends.
struct signal {
  const char* name;
  std::vector<double> values;
  std::vector<int64_t> times; ///< of the values; empty: slices
};

int64_t time_of(const signal& s, size_t sample, int64_t begin, int64_t end) {
  if (!s.times.empty())
    return sample < s.times.size() ? s.times[sample] : end;
  return begin
         + static_cast<int64_t>(static_cast<double>(end - begin) * static_cast<double>(sample)
                                / static_cast<double>(s.values.size()));
}

std::vector<signal> slice_signals(const std::vector<request_record>& requests, const std::vector<flight_change>& changes,
                                  int64_t begin, int64_t end) {
  signal flight{"requests in flight", in_flight_by_slice(changes, begin, end, time_slices), {}};
  signal tokens{"output token rate", tokens_by_slice(requests, begin, end), {}};
  signal per_user{"output token rate per request in flight", std::vector<double>(time_slices), {}};
  for (size_t i = 0; i < time_slices; ++i)
    per_user.values[i] = flight.values[i] > 0 ? tokens.values[i] / flight.values[i] : 0;
  return {std::move(flight), std::move(tokens), std::move(per_user)};
}

std::vector<signal> request_signals(const load_facts& facts, metric_profile profile,
                                    const std::vector<const request_record*>& valid) {
  signal ttft{"time to first token", {}, {}}, latency{"request latency", {}, {}};
  for (const auto* r : valid) {
    ttft.values.push_back(static_cast<double>(r->token_ns.front() - r->sent_ns));
    latency.values.push_back(static_cast<double>(end_ns(profile, *r) - r->sent_ns));
    ttft.times.push_back(r->sent_ns);
  }
  latency.times = ttft.times;
  return facts.streaming ? std::vector{std::move(ttft), std::move(latency)} : std::vector{std::move(latency)};
}

/// When the answers to the first requests of all slots of a closed loop are in.
int64_t end_of_first_wave(const load_facts& facts, const std::vector<const request_record*>& valid) {
  const auto slots = static_cast<size_t>(facts.request_rate > 0 ? 0 : std::max(0, facts.concurrency));
  int64_t end = 0;
  for (size_t i = 0; i < std::min(slots, valid.size()); ++i)
    end = std::max(end, exchange_end_ns(*valid[i]));
  return end;
}

signal part_of(const signal& s, int64_t begin, int64_t end) {
  signal out{s.name, {}, {}};
  for (size_t i = 0; i < s.values.size(); ++i)
    if (s.times[i] >= begin && s.times[i] < end)
      out.values.push_back(s.values[i]);
  return out;
}

void find_drifts(const std::vector<signal>& signals, steady_window& w) {
  for (const auto& s : signals) {
    const double rho = rank_correlation_with_time(batch_means(s.values, drift_batches));
    if (s.values.size() < drift_batches || std::abs(rho) <= drift_limit)
      continue;
    char text[96];
    std::snprintf(text, sizeof text, "%s %s (rank correlation %.2f)", s.name, rho > 0 ? "rises" : "falls", rho);
    w.drifts.push_back(text);
  }
  w.stationary = w.found && w.drifts.empty();
}

} // namespace

truncation mser5(std::span<const double> series) {
  const size_t k = series.size() / batch_length;
  if (series.size() < fewest_samples_for_mser)
    return {};
  std::vector<double> batches(k);
  for (size_t j = 0; j < k; ++j)
    batches[j] = std::accumulate(series.begin() + static_cast<std::ptrdiff_t>(j * batch_length),
                                 series.begin() + static_cast<std::ptrdiff_t>((j + 1) * batch_length), 0.0)
                 / batch_length;
  // Differences to a value of the settled part, so that squares keep their digits.
  const double shift = batches.back();
  const double settled = std::accumulate(batches.begin() + static_cast<std::ptrdiff_t>(k / 2), batches.end(), 0.0)
                         / static_cast<double>(k - k / 2);
  const double floor = noise_floor * settled * noise_floor * settled;
  double sum = 0, squares = 0;
  std::vector<double> values(k / 2 + 1);
  for (size_t drop = k; drop-- > 0;) {
    const double z = batches[drop] - shift;
    sum += z;
    squares += z * z;
    const auto rest = static_cast<double>(k - drop);
    if (drop <= k / 2)
      values[drop] = (std::max(0.0, squares - sum * sum / rest) + floor * rest) / (rest * rest);
  }
  const auto best = std::min_element(values.begin(), values.end());
  // The values are variances over the batches that remain: what is within their standard error of the least is as good.
  const double rest = static_cast<double>(k) - static_cast<double>(best - values.begin());
  const double near = *best * (1 + std::sqrt(2 / rest));
  const auto first = std::find_if(values.begin(), values.end(), [&](double v) { return v <= near; });
  const auto drop = static_cast<size_t>(first - values.begin());
  // A minimum at the edge would go on falling behind it, unless the series is all noise.
  const bool falls_on = best + 1 == values.end() && drop > k / 4;
  return {drop * batch_length, !falls_on};
}

double rank_correlation_with_time(std::span<const double> series) {
  if (series.size() < 3)
    return 0;
  const auto ranks = ranks_of(series);
  const double middle = static_cast<double>(series.size() - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const double x = static_cast<double>(i) - middle, y = ranks[i] - middle;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

std::vector<flight_change> flight_changes(const std::vector<request_record>& requests) {
  std::vector<flight_change> out;
  out.reserve(2 * requests.size());
  for (const auto& r : requests)
    if (const int64_t end = exchange_end_ns(r); end >= r.sent_ns && end > 0) {
      out.push_back({r.sent_ns, 1});
      out.push_back({end, -1});
    }
  // Ends before sends of the same moment: a slot is free before it is used again.
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.ns != b.ns ? a.ns < b.ns : a.by < b.by; });
  return out;
}

std::vector<double> in_flight_by_slice(const std::vector<flight_change>& changes, int64_t begin_ns, int64_t end_ns,
                                       size_t slices) {
  std::vector<double> out(slices);
  if (end_ns <= begin_ns)
    return out;
  const double length = static_cast<double>(end_ns - begin_ns) / static_cast<double>(slices);
  double flying = 0;
  const auto add = [&](int64_t from, int64_t to) {
    const double first = static_cast<double>(std::max(from, begin_ns) - begin_ns) / length;
    const double last = static_cast<double>(std::min(to, end_ns) - begin_ns) / length;
    for (auto i = static_cast<size_t>(std::max(0.0, first)); i < slices && static_cast<double>(i) < last; ++i)
      out[i] += flying * (std::min(last, static_cast<double>(i + 1)) - std::max(first, static_cast<double>(i)));
  };
  int64_t before = changes.empty() ? end_ns : changes.front().ns;
  for (const auto& c : changes) {
    if (c.ns > before && c.ns > begin_ns && before < end_ns)
      add(before, c.ns);
    flying += c.by;
    before = c.ns;
  }
  return out;
}

steady_window find_window(const load_facts& facts, metric_profile profile, const std::vector<request_record>& requests) {
  const auto span = span_of(profile, requests);
  const auto valid = valid_in_order(requests);
  steady_window w;
  w.begin_ns = span.begin_ns;
  w.end_ns = span.end_ns;
  w.requests = valid.size();
  if (valid.size() < fewest_samples_for_mser) {
    w.reason = "fewer than " + std::to_string(fewest_samples_for_mser) + " valid requests";
    return w;
  }
  // After the last send fewer and fewer requests are in flight.
  int64_t last_send = span.begin_ns;
  for (const auto* r : valid)
    last_send = std::max(last_send, r->sent_ns);
  const auto changes = flight_changes(requests);
  auto signals = slice_signals(requests, changes, span.begin_ns, last_send);
  const auto over_requests = request_signals(facts, profile, valid);
  signals.insert(signals.end(), over_requests.begin(), over_requests.end());
  int64_t begin = end_of_first_wave(facts, valid);
  w.reason = begin > span.begin_ns ? "first requests of all slots" : "whole run";
  begin = std::max(begin, span.begin_ns);
  for (const auto& s : signals) {
    const auto cut = mser5(s.values);
    if (!cut.valid) {
      w.reason = std::string{s.name} + " does not settle in the first half of the run: run longer";
      return w;
    }
    if (const int64_t settled = time_of(s, cut.drop, span.begin_ns, last_send); settled > begin) {
      begin = settled;
      w.reason = s.name;
    }
  }
  int64_t end = last_send;
  std::string ended_by = "last send";
  for (auto s : slice_signals(requests, changes, begin, last_send)) {
    std::reverse(s.values.begin(), s.values.end());
    const auto cut = mser5(s.values);
    const int64_t drained = last_send - (time_of(s, cut.drop, begin, last_send) - begin);
    if (!cut.valid || drained >= end)
      continue;
    end = drained;
    ended_by = s.name;
  }
  if (end - begin < (span.end_ns - span.begin_ns) / 2) {
    w.reason = "less than half of the run lies between ramp-up (" + w.reason + ") and drain (" + ended_by + "): run longer";
    return w;
  }
  w.found = true;
  w.begin_ns = begin;
  w.end_ns = end;
  w.requests = static_cast<size_t>(
      std::count_if(valid.begin(), valid.end(), [&](const auto* r) { return r->sent_ns >= begin && r->sent_ns < end; }));
  auto inside = slice_signals(requests, changes, begin, end);
  for (const auto& s : over_requests)
    inside.push_back(part_of(s, begin, end));
  find_drifts(inside, w);
  return w;
}

} // namespace sextant::statistics
