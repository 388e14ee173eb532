// hybrid.cpp: The ranking by prediction.
#include "actors/search/hybrid.hpp"

#include <algorithm>
#include <cstdio>

namespace sextant::searching {

namespace {

bool ranks_before(const candidate_report& a, const candidate_report& b, double target_ms) {
  const bool a_within = a.predicted_ms <= target_ms, b_within = b.predicted_ms <= target_ms;
  if (a_within != b_within)
    return a_within;
  if (a_within && a.predicted_throughput_per_gpu != b.predicted_throughput_per_gpu)
    return a.predicted_throughput_per_gpu > b.predicted_throughput_per_gpu;
  return a.predicted_ms < b.predicted_ms;
}

} // namespace

void keep_best(knowledge& known) {
  const auto top = static_cast<size_t>(std::max(known.request.top_candidates, 1));
  for (auto role : {phase::prefill, phase::decode}) {
    std::vector<candidate_report*> ranked;
    for (auto& candidate : known.candidates)
      if (candidate.report.role == role && candidate.usable())
        ranked.push_back(&candidate.report);
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](const auto* a, const auto* b) { return ranks_before(*a, *b, known.target(role)); });
    for (size_t i = top; i < ranked.size(); ++i) {
      char text[160];
      std::snprintf(text, sizeof text,
                    "hybrid: predicted rank %zu of %zu (%.2f ms, %.1f tokens/s/GPU), the best %zu are measured", i + 1,
                    ranked.size(), ranked[i]->predicted_ms, ranked[i]->predicted_throughput_per_gpu, top);
      ranked[i]->state = candidate_state::pruned;
      ranked[i]->reason = text;
    }
  }
}

} // namespace sextant::searching
