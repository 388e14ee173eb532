// client_clock.hpp: Turns the kernel's stamps, which are of CLOCK_REALTIME, into CLOCK_MONOTONIC.
#pragma once

#include <cstdint>

namespace sextant::http {

/// Both clocks at one moment: MONOTONIC right before and right after REALTIME was read.
struct clock_sample {
  int64_t before_ns = 0;
  int64_t real_ns = 0;
  int64_t after_ns = 0;
};

/// Keeps REALTIME - MONOTONIC. It may be slewed (at most 500 ppm in Linux, 0.5 us per ms) but not stepped: a jump is
/// counted, and stamps from before it are not trusted.
class clock_offset {
public:
  /// Takes a sample in; ignores it if reading took so long that it says too little. Returns whether it was of use.
  bool take(const clock_sample& sample);
  /// MONOTONIC time of a stamp, or 0 if that cannot be: before `earliest_ns` or after `now_ns`.
  int64_t to_monotonic(int64_t real_ns, int64_t earliest_ns, int64_t now_ns) const;
  /// Time since the last sample; large if there was none.
  int64_t age_ns(int64_t now_ns) const { return now_ns - taken_ns_; }
  uint64_t steps() const { return steps_; }
  int64_t offset_ns() const { return offset_ns_; }

private:
  int64_t offset_ns_ = 0;
  int64_t taken_ns_ = 0; ///< of the last sample, 0 = none yet
  uint64_t steps_ = 0;
};

/// Reads both clocks.
clock_sample read_clocks();

} // namespace sextant::http
