// self_check.cpp: Histograms of delays, and the verdict on the client.
#include "actors/load/self_check.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "messages/records.hpp"

namespace sextant::load {

namespace {

constexpr int sub_bits = 4; ///< 16 bins an octave

size_t bin_of(uint64_t ns) {
  if (ns < 16)
    return ns;
  const auto exponent = static_cast<size_t>(std::bit_width(ns)) - 1;
  return (exponent - sub_bits + 1) * 16 + ((ns >> (exponent - sub_bits)) & 15);
}

/// Middle of a bin.
int64_t value_of(size_t bin) {
  if (bin < 16)
    return static_cast<int64_t>(bin);
  const auto exponent = bin / 16 + sub_bits - 1;
  const int64_t width = int64_t{1} << (exponent - sub_bits);
  return (int64_t{1} << exponent) + static_cast<int64_t>(bin % 16) * width + width / 2;
}

std::string with(const char* format, double a, double b) {
  char text[200];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

double median(std::vector<double>& values) {
  if (values.empty())
    return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

constexpr double busy_limit = 0.7;
constexpr double steal_limit = 0.01;
constexpr double coalesced_limit = 0.001;
constexpr double lag_limit_of_ttft = 0.01;
constexpr double rate_limit = 0.99;

} // namespace

void delay_histogram::add(int64_t ns) {
  const auto bin = std::min(bin_of(static_cast<uint64_t>(std::max<int64_t>(0, ns))), bins_.size() - 1);
  ++bins_[bin];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void delay_histogram::merge(const delay_histogram& other) {
  for (size_t i = 0; i < bins_.size(); ++i)
    bins_[i] += other.bins_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

delay_quantiles delay_histogram::quantiles() const {
  delay_quantiles out;
  out.count = count_;
  out.max_ns = max_ns_;
  const auto at = [this](double q) -> int64_t {
    const auto rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < bins_.size(); ++i)
      if ((seen += bins_[i]) >= rank && seen > 0)
        return std::min(value_of(i), max_ns_);
    return 0;
  };
  out.p50_ns = at(0.5);
  out.p90_ns = at(0.9);
  out.p99_ns = at(0.99);
  return out;
}

uint64_t delay_histogram::above(int64_t ns) const {
  uint64_t out = 0;
  for (size_t i = bin_of(static_cast<uint64_t>(ns)) + 1; i < bins_.size(); ++i)
    out += bins_[i];
  return out;
}

void summarise_requests(const std::vector<request_record>& requests, load_health& h) {
  std::vector<double> ttft, itl;
  int64_t first = 0, last = 0;
  uint64_t sent = 0;
  for (const auto& r : requests) {
    if (r.bytes_sent > 0) {
      first = sent == 0 ? r.queued_ns : std::min(first, r.queued_ns);
      last = sent == 0 ? r.queued_ns : std::max(last, r.queued_ns);
      ++sent;
    }
    if (r.fault != request_fault_class::none || r.token_ns.empty())
      continue;
    ttft.push_back(static_cast<double>(r.token_ns.front() - r.sent_ns));
    if (r.token_ns.size() > 1)
      itl.push_back(static_cast<double>(r.token_ns.back() - r.token_ns.front())
                    / static_cast<double>(r.token_ns.size() - 1));
  }
  h.median_ttft_ns = median(ttft);
  h.median_itl_ns = median(itl);
  if (sent > 1 && last > first)
    h.achieved_rate = static_cast<double>(sent - 1) * 1e9 / static_cast<double>(last - first);
}

void judge_health(load_health& h) {
  h.reasons.clear();
  const auto blame = [&h](std::string reason) { h.reasons.push_back(std::move(reason)); };
  const auto share = [&h](uint64_t n) {
    return h.output_events > 0 ? static_cast<double>(n) / static_cast<double>(h.output_events) : 0.0;
  };
  if (h.busy_share > busy_limit)
    blame(with("a load loop was busy %.0f %% of the time; above %.0f %% requests and arrivals wait for it",
               h.busy_share * 100, busy_limit * 100));
  if (h.steal_share > steal_limit)
    blame(with("the hypervisor took %.1f %% of this machine's CPU time; more than %.0f %% shows in tails",
               h.steal_share * 100, steal_limit * 100));
  if (share(h.coalesced) > coalesced_limit)
    blame(
        with("%.2f %% of the arrivals were read together with the next one of their stream, so that only bounds are known; "
             "%.1f %% are allowed",
             share(h.coalesced) * 100, coalesced_limit * 100));
  // The kernel's stamps do not care when the loop comes round to reading.
  const double lag = static_cast<double>(h.stamp_lag.p99_ns);
  if (h.user_stamped > 0 && (!h.probe.kernel_rx || share(h.user_stamped) > coalesced_limit))
    blame(with("%.2f %% of the arrivals have no kernel stamp; wake-ups take %.0f us here", share(h.user_stamped) * 100,
               static_cast<double>(h.probe.wake_up.p99_ns) / 1e3));
  else if (h.median_itl_ns > 0 && lag > h.median_itl_ns)
    blame(with("arrivals were read %.1f ms after they came (p99), more than one inter-token latency of %.1f ms", lag / 1e6,
               h.median_itl_ns / 1e6));
  if (h.median_ttft_ns > 0 && static_cast<double>(h.send_lag.p99_ns) > lag_limit_of_ttft * h.median_ttft_ns
      && h.send_lag.p99_ns > 100'000)
    blame(with("requests were sent %.2f ms late (p99), more than 1 %% of the median TTFT of %.2f ms",
               static_cast<double>(h.send_lag.p99_ns) / 1e6, h.median_ttft_ns / 1e6));
  if (h.wanted_rate > 0 && h.achieved_rate < rate_limit * h.wanted_rate)
    blame(with("%.1f requests/s were sent instead of %.1f", h.achieved_rate, h.wanted_rate));
  if (h.clock_steps > 0)
    blame("the real-time clock was set during the run; stamps around that moment are the program's own");
  h.client_limited = !h.reasons.empty();
}

namespace {

void take_worse(delay_quantiles& all, const delay_quantiles& one) {
  all.count += one.count;
  for (const auto member :
       {&delay_quantiles::p50_ns, &delay_quantiles::p90_ns, &delay_quantiles::p99_ns, &delay_quantiles::max_ns})
    all.*member = std::max(all.*member, one.*member);
}

} // namespace

load_health health_of_all(const std::vector<load_health>& processes) {
  if (processes.empty())
    return {};
  load_health all = processes.front();
  all.reasons.clear();
  for (size_t i = 0; i < processes.size(); ++i) {
    const auto& one = processes[i];
    for (const auto& reason : one.reasons)
      all.reasons.push_back("process " + std::to_string(i + 1) + ": " + reason);
    if (i == 0)
      continue;
    for (const auto worse : {&health_figures::busy_share, &health_figures::busy_share_1s, &health_figures::steal_share,
                             &health_figures::median_itl_ns, &health_figures::median_ttft_ns})
      all.*worse = std::max(all.*worse, one.*worse);
    for (const auto sum : {&health_figures::cpu_s, &health_figures::wanted_rate, &health_figures::achieved_rate})
      all.*sum += one.*sum;
    for (const auto sum :
         {&health_figures::events, &health_figures::output_events, &health_figures::user_stamped, &health_figures::coalesced,
          &health_figures::send_lag_above_1ms, &health_figures::connections, &health_figures::reconnects,
          &health_figures::late_texts, &health_figures::retransmits, &health_figures::involuntary_switches})
      all.*sum += one.*sum;
    for (const auto delay :
         {&health_figures::stamp_lag, &health_figures::send_lag, &health_figures::slot_wait, &health_figures::connect})
      take_worse(all.*delay, one.*delay);
    all.loops += one.loops;
    all.longest_turn_ns = std::max(all.longest_turn_ns, one.longest_turn_ns);
    all.clock_steps = std::max(all.clock_steps, one.clock_steps);
    all.tls = all.tls || one.tls;
    all.client_limited = all.client_limited || one.client_limited;
  }
  return all;
}

} // namespace sextant::load
