// self_check.hpp: Whether the client itself limited what it measured: a probe before, health counters during a run, a
// verdict after it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sextant {
struct request_record;
}

namespace sextant::load {

/// Quantiles of a delay, ns. All 0 where there were no samples.
struct delay_quantiles {
  uint64_t count = 0;
  int64_t p50_ns = 0, p90_ns = 0, p99_ns = 0, max_ns = 0;
};

/// Counts delays in 976 bins of 1/16 octave: 6 % relative error at most, from 1 ns to 2^61 ns. One thread.
class delay_histogram {
public:
  void add(int64_t ns);
  void merge(const delay_histogram& other);
  delay_quantiles quantiles() const;
  uint64_t count() const { return count_; }
  /// Samples above a limit, to the width of a bin.
  uint64_t above(int64_t ns) const;

private:
  std::array<uint32_t, 976> bins_{};
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
};

/// What the machine can do, measured before the first request over a loopback connection of its own.
struct start_probe {
  bool done = false;
  bool kernel_rx = false; ///< arrival stamps by the kernel can be had
  bool kernel_tx = false;
  double clock_read_ns = 0;   ///< one reading of CLOCK_MONOTONIC
  delay_quantiles wake_up;    ///< kernel stamp to the return of the loop's wait
  delay_quantiles timer;      ///< lateness of a sleep of 1 ms
  delay_quantiles round_trip; ///< write to read, both ends here
  int64_t took_ns = 0;
};

/// Figures of the client's health over the profiling phase of a run, all loops together.
struct health_figures {
  start_probe probe;
  int loops = 0;
  double busy_share = 0;       ///< busiest loop: time not spent waiting / time; active waiting is waiting
  double busy_share_1s = 0;    ///< the worst second of any loop
  int64_t longest_turn_ns = 0; ///< longest turn of a loop without looking at its sockets
  double cpu_s = 0;            ///< of the loops' threads
  uint64_t events = 0;         ///< server-sent events
  uint64_t output_events = 0;  ///< those with output
  uint64_t user_stamped = 0;   ///< output events without a kernel stamp
  uint64_t coalesced = 0;      ///< output events that shared a read with the next one of their stream
  bool tls = false;            ///< stamps belong to the last segment of a TLS record
  delay_quantiles stamp_lag;   ///< user stamp - kernel stamp
  delay_quantiles send_lag;    ///< written - intended; of requests with a time in the plan that found a free slot
  delay_quantiles slot_wait;   ///< wait for a free slot of those that did not
  uint64_t send_lag_above_1ms = 0;
  delay_quantiles connect;  ///< time to connect
  uint64_t connections = 0; ///< opened
  uint64_t reconnects = 0;  ///< opened because one was closed under way or gone
  uint64_t late_texts = 0;  ///< request texts that were not ready in time
  uint64_t retransmits = 0; ///< TCP segments sent again by this side
  uint64_t clock_steps = 0; ///< jumps of CLOCK_REALTIME that were seen
  double steal_share = 0;   ///< of this machine's CPU time, taken by others under the hypervisor
  uint64_t involuntary_switches = 0;
  double wanted_rate = 0, achieved_rate = 0; ///< requests/s where the plan has times, else 0
  double median_itl_ns = 0, median_ttft_ns = 0;
  bool client_limited = false;
};

/// The figures and what follows from them.
struct load_health : health_figures {
  std::vector<std::string> reasons; ///< why, one sentence each, with figures
};

/// Fills in what requests tell: medians and the achieved rate.
void summarise_requests(const std::vector<request_record>& requests, load_health& health);

/// Fills in the verdict (load-generation reference 4.3 and 4.8): a loop busy above 70 %, steal above 1 %, coalesced share
/// above 0.1 %, arrivals without kernel stamps, or read later than one ITL after they came (the stamps would be right, but
/// the next arrival may hide them), send lag p99 above 1 % of the median TTFT and 0.1 ms, achieved rate below 99 % of the
/// wanted one, a step of the clock.
void judge_health(load_health& health);

/// Health of several processes that play one load: counts and rates added up, delays and shares of the worst of them.
/// Reasons name the process, 1-based.
load_health health_of_all(const std::vector<load_health>& processes);

/// Measures the machine: the clock, sleeps, a loopback connection of its own. 10 to 30 ms.
start_probe probe_machine();

} // namespace sextant::load
