// stop_rule.cpp: Precision, plan or budget.
#include "actors/load/stop_rule.hpp"

#include <algorithm>

namespace sextant::load {

std::optional<stop_reason> stop_after(const point_plan& plan, int waves, const interval& value) {
  if (waves < std::max(1, plan.min_waves))
    return std::nullopt;
  const double wanted = plan.relative_half_width;
  if (wanted > 0 && value.known && value.mean > 0 && value.half_width() <= wanted / (1 + wanted) * value.mean)
    return stop_reason::precision;
  if (waves < std::max(plan.min_waves, plan.max_waves))
    return std::nullopt;
  return wanted > 0 ? stop_reason::budget : stop_reason::plan;
}

} // namespace sextant::load
