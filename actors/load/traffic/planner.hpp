// planner.hpp: From options and data set to the schedule: every request, its time, its lengths and its prompt. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/load/traffic/dataset.hpp"
#include "actors/load/traffic/schedule.hpp"
#include "config/load_options.hpp"

namespace sextant::load {

/// A schedule with what is only of interest to people.
struct traffic_plan {
  traffic_schedule schedule;
  bool fixed = false; ///< at the timestamps of the data set
  std::vector<std::string> remarks;
};

/// Whether the timestamps of a data set are kept.
bool keeps_timestamps(const load_options& options, const dataset& data);

/// The whole plan. `data` has no sessions for synthetic prompts; `series` is empty for a rate that does not change. Equal
/// arguments give equal plans, on every host.
traffic_plan plan_traffic(const load_options& options, uint64_t seed, const dataset& data,
                          const std::vector<rate_point>& series, std::vector<document_error>& errors);

/// A length of a law: normal, drawn again while below 1, rounded. With `range_ratio` uniform instead. 0 for a mean of 0.
int draw_length(const length_law& law, double range_ratio, uint64_t seed, uint32_t stream, uint64_t index);

/// `prompt` of requests that a data set's turn belongs to: session row in the upper, turn in the lower 20 bits.
inline constexpr int turn_bits = 20;

} // namespace sextant::load
