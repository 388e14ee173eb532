// arrivals.cpp: A process of rate 1, mapped through the inverse of the expected number of arrivals (time change).
#include "actors/load/traffic/arrivals.hpp"

#include <cmath>

#include "actors/load/traffic/random.hpp"

namespace sextant::load {

namespace {

/// A stretch of time in which the rate is linear.
struct rate_piece {
  double begin_s, length_s; ///< the last piece has no end
  double from, to;          ///< rates
};

std::vector<rate_piece> pieces_of(const arrival_law& law) {
  std::vector<rate_piece> out;
  const double first = law.series.empty() ? law.rate : law.series.front().rate;
  double at = 0;
  if (law.ramp_s > 0) {
    out.push_back({0, law.ramp_s, 0, first});
    at = law.ramp_s;
  }
  if (!law.series.empty() && law.series.front().time_s > 0) {
    out.push_back({at, law.series.front().time_s, first, first});
  }
  for (size_t i = 1; i < law.series.size(); ++i)
    out.push_back({at + law.series[i - 1].time_s, law.series[i].time_s - law.series[i - 1].time_s, law.series[i - 1].rate,
                   law.series[i].rate});
  const double last = law.series.empty() ? law.rate : law.series.back().rate;
  const double end = out.empty() ? 0 : out.back().begin_s + out.back().length_s;
  out.push_back({end, std::numeric_limits<double>::infinity(), last, last});
  return out;
}

/// Arrivals in the first `t` seconds of a piece.
double within(const rate_piece& piece, double t) {
  const double slope = std::isinf(piece.length_s) ? 0 : (piece.to - piece.from) / piece.length_s;
  return piece.from * t + 0.5 * slope * t * t;
}

/// Seconds into a piece until `n` arrivals: the positive root of slope/2 t^2 + from t - n, in its stable form.
double inverse_within(const rate_piece& piece, double n) {
  const double slope = std::isinf(piece.length_s) ? 0 : (piece.to - piece.from) / piece.length_s;
  const double root = std::sqrt(std::max(0.0, piece.from * piece.from + 2 * slope * n));
  return piece.from + root > 0 ? 2 * n / (piece.from + root) : 0;
}

double time_in(const std::vector<rate_piece>& pieces, double arrivals) {
  for (const auto& piece : pieces) {
    const double here = std::isinf(piece.length_s) ? std::numeric_limits<double>::infinity() : within(piece, piece.length_s);
    if (arrivals <= here)
      return piece.begin_s + inverse_within(piece, arrivals);
    arrivals -= here;
  }
  return std::numeric_limits<double>::infinity();
}

/// The gap before arrival `i` at rate 1.
double unit_gap(const arrival_law& law, uint64_t seed, uint64_t phase, uint64_t i) {
  if (law.pattern == arrival_pattern::constant)
    return i == 0 ? 0 : 1;
  random_source random{seed, random_stream::arrival, phase << 40 | i};
  return law.pattern == arrival_pattern::gamma ? random.gamma(law.smoothness) / law.smoothness : random.exponential();
}

} // namespace

double expected_arrivals(const arrival_law& law, double time_s) {
  double out = 0;
  for (const auto& piece : pieces_of(law))
    if (time_s > piece.begin_s)
      out += within(piece, std::min(piece.length_s, time_s - piece.begin_s));
  return out;
}

double time_of_expected(const arrival_law& law, double arrivals) {
  return time_in(pieces_of(law), arrivals);
}

std::vector<int64_t> arrival_times(const arrival_law& law, uint64_t seed, uint64_t phase, uint64_t count,
                                   double duration_s) {
  const auto pieces = pieces_of(law);
  std::vector<int64_t> out;
  double sum = 0;
  for (uint64_t i = 0; i < count; ++i) {
    sum += unit_gap(law, seed, phase, i);
    const double time_s = time_in(pieces, sum);
    if ((duration_s > 0 && time_s >= duration_s) || !(time_s < 1e9))
      break;
    out.push_back(std::llround(time_s * 1e9));
  }
  return out;
}

} // namespace sextant::load
