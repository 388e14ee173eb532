// boundary.cpp: The expected best load within the target.
#include "actors/search/boundary.hpp"

#include <algorithm>

#include "actors/search/estimates.hpp"

namespace sextant::searching {

namespace {

/// Gain over the pick below which a reader learns nothing from it.
constexpr double worth_telling = 1.1;

/// The largest load within the target, a multiple of the attention ranks; 0 if even the smallest is beyond it.
int last_load_within(const knowledge& known, const candidate_track& candidate, const correction& shared, int most) {
  const auto& sla = known.request.sla;
  const int ranks = std::max(candidate.report.layout.attention_data_parallel(), 1);
  int within = 0, beyond = most / ranks + 1; // in loads of each rank; the latency does not fall with the load
  while (beyond - within > 1) {
    const int middle = within + (beyond - within) / 2;
    const auto b = believe(candidate, {sla.isl, sla.osl, middle * ranks}, shared);
    (b.expected <= sla.itl_ms ? within : beyond) = middle;
  }
  return within * ranks;
}

} // namespace

std::optional<alternative> better_between_grid_loads(const knowledge& known, const selected_engine& pick) {
  const auto& sla = known.request.sla;
  if (!pick.meets_target)
    return std::nullopt;
  const auto shared = phase_correction(known, phase::decode);
  std::optional<alternative> best;
  for (const auto& candidate : known.candidates) {
    if (candidate.report.role != phase::decode || !candidate.usable() || measured_ratio(candidate) <= 0)
      continue;
    const auto capacity = candidate.report.kv_tokens / std::max(sla.isl + sla.osl, 1);
    const int load =
        last_load_within(known, candidate, shared, static_cast<int>(std::min<int64_t>(capacity, max_in_flight)));
    if (load == 0)
      continue;
    const decode_spot spot{sla.isl, sla.osl, load};
    const double itl_ms = believe(candidate, spot, shared).expected;
    const double throughput = candidate.throughput_weight(spot) / itl_ms;
    if (throughput > worth_telling * (best ? best->throughput_per_gpu / worth_telling : pick.throughput_per_gpu))
      best = alternative{phase::decode,
                         candidate.report.layout,
                         load,
                         itl_ms,
                         throughput,
                         "expected at " + std::to_string(load)
                             + " in flight, a load between those of the reference's grid; not measured"};
  }
  return best;
}

} // namespace sextant::searching
