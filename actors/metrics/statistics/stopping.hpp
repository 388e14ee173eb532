// stopping.hpp: Whether a load test that still runs has seen enough. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "actors/metrics/statistics/summarise.hpp"

namespace sextant::statistics {

/// When to stop. Whatever is reached first; nothing set: never.
struct stop_wishes {
  double precision = 0;      ///< relative half width of the intervals of mean TTFT, ITL, latency and throughput; 0: none
  double tail_precision = 0; ///< the same of the p99 of TTFT and ITL; 0: none
  bool verdicts = false;     ///< enough when every limit of the options is decided by the sequential test
  size_t fewest_requests = 100;
  int64_t fewest_ns = 0;      ///< since the first send
  uint64_t most_requests = 0; ///< budget; 0: none
  int64_t most_ns = 0;        ///< budget since the first send; 0: none
};

enum class next_step : uint8_t { go_on, enough, budget_spent };

struct stop_answer {
  next_step step = next_step::go_on;
  std::string reason;      ///< which wish decided, or which metric still lacks precision
  size_t ask_again_at = 0; ///< finished requests; in steps of a quarter, so that asking costs little and peeking less
};

/// Looks at the finished requests so far. A half width r is reached at r / (1 + r) of the estimate (Law & Kelton: the
/// estimate itself is uncertain). Precision and verdicts are only looked at from `fewest_requests` (for a tail at least 368,
/// where its interval has two ends) and `fewest_ns` on.
stop_answer next_batch(const load_records& so_far, const summary_options& options, const stop_wishes& wishes);

} // namespace sextant::statistics
