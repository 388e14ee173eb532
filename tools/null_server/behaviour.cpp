// behaviour.cpp: Draws and shapes.
#include "tools/null_server/behaviour.hpp"

#include <algorithm>
#include <cmath>

#include "actors/load/traffic/random.hpp"

namespace sextant::null_server {

namespace {

/// Streams of random numbers of this program; the load generator's are others.
enum class purpose : uint32_t { fault = 1001, ttft, gap };

load::random_source source(uint64_t seed, purpose what, uint64_t index) {
  return {seed, static_cast<load::random_stream>(what), index};
}

/// A lognormal number of this mean and coefficient of variation; the mean itself where that is 0.
int64_t drawn_ns(double mean_ms, double cv, uint64_t seed, purpose what, uint64_t index) {
  double ms = mean_ms;
  if (cv > 0) {
    const double variance = std::log1p(cv * cv);
    ms *= std::exp(std::sqrt(variance) * source(seed, what, index).normal() - variance / 2);
  }
  return static_cast<int64_t>(std::llround(ms * 1e6));
}

} // namespace

fault_kind fault_of(const server_settings& settings, uint64_t number) {
  if (settings.faults.empty())
    return fault_kind::none;
  double left = source(settings.seed, purpose::fault, number).uniform();
  for (const auto& f : settings.faults) {
    if (left < f.share)
      return f.kind;
    left -= f.share;
  }
  return fault_kind::none;
}

int64_t ttft_ns(const server_settings& settings, uint64_t number) {
  return drawn_ns(settings.ttft_ms, settings.ttft_cv, settings.seed, purpose::ttft, number);
}

int64_t gap_ns(const server_settings& settings, uint64_t key, uint64_t index) {
  // Sequences are far fewer than 2^32 events long.
  return std::max<int64_t>(1000, drawn_ns(settings.itl_ms, settings.itl_cv, settings.seed, purpose::gap, key << 32 | index));
}

int64_t tick_at_or_after(int64_t origin_ns, int64_t step_ns, int64_t at_ns) {
  if (at_ns <= origin_ns)
    return origin_ns;
  return origin_ns + (at_ns - origin_ns + step_ns - 1) / step_ns * step_ns;
}

answer_shape shape_of(int asked, int tokens_per_event, fault_kind fault) {
  answer_shape out;
  out.tokens = fault != fault_kind::wrong_count ? asked : asked > 1 ? asked / 2 : asked + 1;
  out.events = (out.tokens + tokens_per_event - 1) / tokens_per_event;
  switch (fault) {
    case fault_kind::reset:
    case fault_kind::half_close:
    case fault_kind::stall:
    case fault_kind::bad_chunk:
    case fault_kind::bad_json:
    case fault_kind::error_event:
      out.fault_at = out.events / 2;
      break;
    default:
      break;
  }
  return out;
}

} // namespace sextant::null_server
