// client_clock.cpp: Offset between the clocks, and steps of it.
#include "adapters/http/client_clock.hpp"

#include <cstdlib>
#include <ctime>

namespace sextant::http {

namespace {

constexpr int64_t widest_reading_ns = 2'000; ///< a sample that took longer was interrupted
constexpr int64_t old_ns = 100'000'000;      ///< after this long any sample is better than none
constexpr int64_t step_ns = 500'000;         ///< more than this beyond what slewing can do is a step
constexpr int64_t slew_per_ns = 2'000;       ///< 500 ppm: 1 ns in 2,000
constexpr int64_t tolerance_ns = 5'000;      ///< of a comparison between the clocks

int64_t read_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

} // namespace

clock_sample read_clocks() {
  clock_sample s;
  s.before_ns = read_ns(CLOCK_MONOTONIC);
  s.real_ns = read_ns(CLOCK_REALTIME);
  s.after_ns = read_ns(CLOCK_MONOTONIC);
  return s;
}

bool clock_offset::take(const clock_sample& s) {
  const bool wide = s.after_ns - s.before_ns > widest_reading_ns;
  if (wide && taken_ns_ != 0 && s.before_ns - taken_ns_ < old_ns)
    return false;
  const int64_t offset = s.real_ns - (s.before_ns + (s.after_ns - s.before_ns) / 2);
  if (taken_ns_ != 0) {
    const int64_t possible = (s.after_ns - taken_ns_) / slew_per_ns + (s.after_ns - s.before_ns) + step_ns;
    steps_ += std::llabs(offset - offset_ns_) > possible;
  }
  offset_ns_ = offset;
  taken_ns_ = s.after_ns;
  return true;
}

int64_t clock_offset::to_monotonic(int64_t real_ns, int64_t earliest_ns, int64_t now_ns) const {
  const int64_t at = real_ns - offset_ns_;
  if (at < earliest_ns - tolerance_ns || at > now_ns + tolerance_ns)
    return 0;
  return at < earliest_ns ? earliest_ns : at > now_ns ? now_ns : at;
}

} // namespace sextant::http
