// merging.hpp: The records of several load processes as those of one run. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// How a process's time 0 lies to that of the first one.
struct clock_offset {
  int64_t ns = 0;          ///< later than the first one's
  bool same_clock = false; ///< by the monotonic clock that both share: exact. Else by wall clocks, as good as their NTP
};

/// One estimate per part, from what the facts say of their clocks. `error` is filled where a part says nothing.
std::vector<clock_offset> clock_offsets(const std::vector<load_records>& parts, std::string& error);

/// One run of all parts: stamps on the clock of the part that began first, loads and plans added up, remarks of all. Parts
/// of one plan keep their requests' indices; where parts use the same ones, requests are numbered anew in order of their
/// sends. Parts of different models, endpoints or streaming are no run: `error` says so.
load_records merge_records(std::vector<load_records> parts, std::string& error);

} // namespace sextant::statistics
