#include "actors/load/traffic/parts.hpp"

#include <algorithm>
#include <set>

namespace sextant::load {

namespace {

constexpr int traffic_schedule::*limits[] = {&traffic_schedule::concurrency, &traffic_schedule::prefill_concurrency,
                                             &traffic_schedule::warmup_concurrency,
                                             &traffic_schedule::warmup_prefill_concurrency};

} // namespace

int share_of(int limit, int part, int parts) {
  return limit / parts + (part < limit % parts);
}

int most_parts(const traffic_schedule& schedule) {
  std::set<uint32_t> sessions;
  for (const auto& r : schedule.requests)
    if (r.phase == traffic_phase::profiling)
      sessions.insert(r.session);
  auto most = static_cast<int>(std::min<size_t>(sessions.size(), 1'024));
  for (const auto limit : limits)
    if (schedule.*limit > 0)
      most = std::min(most, schedule.*limit);
  return std::max(1, most);
}

traffic_schedule part_of(const traffic_schedule& schedule, int part, int parts) {
  auto out = schedule;
  std::erase_if(out.requests, [&](const planned_request& r) {
    return r.session % static_cast<uint32_t>(parts) != static_cast<uint32_t>(part);
  });
  for (const auto limit : limits)
    out.*limit = share_of(schedule.*limit, part, parts);
  return out;
}

} // namespace sextant::load
