// plan.hpp: What LOAD decides before and between sending: which prompts, how fast to play a simulation, how long to wait,
// what a wave's failures mean. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/failure.hpp"
#include "messages/measure.hpp"
#include "messages/records.hpp"

namespace sextant::load {

/// One request of the traffic. `index` is its place in the wave; attention rank `index` mod ranks gets it by round robin.
struct traffic_request {
  uint64_t prompt = 0; ///< prompt number below the plan's seed
  uint32_t index = 0;
  int isl = 0;
  int osl = 0;
};

// -- traffic ----------------------------------------------------------------------------------------

/// Requests before the measured ones; fresh prompts.
std::vector<traffic_request> warmup_traffic(const measure_point& work);
/// Every prompt of a decode wave once, with few output tokens, so that its KV cache is there. Empty unless planned.
std::vector<traffic_request> warming_traffic(const measure_point& work);
/// The requests of one wave. Decode waves that reuse KV caches send the same prompts every time; all others send prompts
/// that no other wave, replay, attempt, or point sends.
std::vector<traffic_request> wave_traffic(const measure_point& work, int wave, int replay);

/// Token ids of a prompt as a JSON array without its brackets.
std::string prompt_json(uint64_t seed, uint64_t prompt, int isl);
/// Body of a streamed completion request of exact lengths.
std::string completion_body(std::string_view model, std::string_view prompt_ids, int osl);

// -- time -------------------------------------------------------------------------------------------

/// How late a played simulation was, wall seconds.
struct playing_lag {
  double p50_s = 0;
  double p99_s = 0;
  double max_s = 0;
  double steps = 0; ///< of which these are the quantiles
};

/// What one measurement may use of the machine.
struct machine_share {
  double events_per_s = 12'000; ///< token events that server and client handle
  double pace = 1;              ///< factor of every speed: below 1 where waves were late before
};

/// Engine seconds per wall second at which this machine can play the measured waves: as asked for, or so that events stay
/// within a budget, a decode step lasts at least 1.5 ms and a measured TTFT at least 40 ms of wall time. Below 1 when real
/// time is too fast. 1 when nothing is known.
double playing_speed(const measure_point& work, const machine_share& share = {});
/// The same for warming, whose times nobody looks at.
double warming_speed(const measure_point& work);
/// Whether a wave with this measured latency (engine ms) was played too late to count. A TTFT is late by the whole lag: 5 %
/// of it are allowed at the lag's 99th percentile. An ITL is a mean over all steps of a request, and steps end at absolute
/// times, so that only the lag of its two ends counts: 20 % of one step, or half a percent of all steps if that is more.
bool played_too_late(const measure_point& work, const playing_lag& lag, double measured_ms, double speed);
/// Whether a wave under way cannot end in time any more: half of its steps, or one in a hundred of many steps by far, are
/// late. Judged by the prediction; false without one.
bool clearly_too_late(const measure_point& work, const playing_lag& lag, double speed);

/// Wall time a request may take, generous: many times what the prediction says, never below half a minute.
int64_t request_timeout_ns(const measure_point& work, double speed);

// -- failures ---------------------------------------------------------------------------------------

/// What the failures of all requests of one pass mean for the attempt; nothing when the attempt can go on, with the failed
/// requests on record. `first_error` is what the first failed request saw.
std::optional<failure> judge(const std::vector<request_fault_class>& faults, const std::string& first_error);

} // namespace sextant::load
