// exhaustive.cpp: The reference's sweep: every candidate, every grid point.
#include <algorithm>

#include "actors/search/policy.hpp"

namespace sextant::searching {

std::vector<need> exhaustive_needs(const knowledge& known, phase role) {
  std::vector<need> result;
  for (size_t i = 0; i < known.candidates.size(); ++i) {
    const auto& candidate = known.candidates[i];
    if (candidate.report.role != role || !candidate.usable())
      continue;
    need wanted{i, std::nullopt, 0};
    for (const auto& plan : candidate.grid) {
      if (candidate.measured(plan.point) || candidate.given_up(plan.point))
        continue;
      if (!wanted.next)
        wanted.next = plan;
      ++wanted.points;
    }
    if (!candidate.grid_known)
      wanted.points = known.request.decode_granularity;
    if (wanted.points > 0)
      result.push_back(std::move(wanted));
  }
  // Large engines first: small ones fill what they leave, and no small one has to end for a large one.
  std::stable_sort(result.begin(), result.end(), [&](const need& a, const need& b) {
    return known.candidates[a.candidate].report.layout.gpus > known.candidates[b.candidate].report.layout.gpus;
  });
  return result;
}

} // namespace sextant::searching
