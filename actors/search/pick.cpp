// pick.cpp: The choice again, from stored results.
#include "actors/search/pick.hpp"

#include <algorithm>
#include <cmath>

#include "actors/search/plans.hpp"
#include "actors/search/selection.hpp"

namespace sextant {

namespace {

/// Mean contexts that differ by less than this, in tokens, are one: curves round output tokens to even numbers.
constexpr double same_context_tokens = 1;

bool of_sweep(const point_measured& point) {
  return point.plan.purpose == "sweep";
}

/// Stored points of a phase that `counts` takes, in the order of the candidates, then of the load: ties are decided as in
/// the search.
template <class Predicate>
std::vector<searching::scored_point> stored_points(const profile_result& stored, const std::vector<point_measured>& points,
                                                   phase role, Predicate counts) {
  std::vector<searching::scored_point> result;
  for (const auto& candidate : stored.candidates) {
    if (candidate.role != role || candidate.state == candidate_state::failed)
      continue;
    std::vector<const point_measured*> own;
    for (const auto& point : points) {
      if (point.engine != candidate.engine || !counts(point) || !point.valid || !(point.value_ms > 0))
        continue;
      // A point may have been recorded twice; the first result is the one that counted.
      if (std::none_of(own.begin(), own.end(), [&](const auto* known) { return known->plan.point == point.plan.point; }))
        own.push_back(&point);
    }
    std::stable_sort(own.begin(), own.end(),
                     [](const auto* a, const auto* b) { return a->plan.concurrency < b->plan.concurrency; });
    for (const auto* point : own)
      result.push_back(searching::score(*point, candidate.layout, candidate.kv_tokens));
  }
  return result;
}

} // namespace

profile_result repick(const profile_request& request, const profile_result& stored,
                      const std::vector<point_measured>& points, const service_level& target) {
  auto result = stored;
  const auto prefill = stored_points(stored, points, phase::prefill, of_sweep);
  auto decode = stored_points(stored, points, phase::decode, of_sweep);
  searching::select_by_rule(result, prefill, decode, target);
  if (!result.decode.meets_target) {
    // The curve has loads that the sweep left out. Where a request decodes at the target's mean context they tell as much.
    const double context = searching::mean_context({target.isl, target.osl, 1});
    decode = stored_points(stored, points, phase::decode, [&](const point_measured& point) {
      return of_sweep(point)
             || std::abs(searching::mean_context(searching::spot_of(point.plan)) - context) <= same_context_tokens;
    });
    searching::select_by_rule(result, prefill, decode, target);
    if (result.decode.meets_target)
      result.remarks.push_back(
          "the decode engine is chosen by a point of its curve, no point of the sweep is within the target");
  }
  if (target.isl != request.sla.isl || target.osl != request.sla.osl)
    result.remarks.push_back("the stored points were measured with ISL " + std::to_string(request.sla.isl) + " and OSL "
                             + std::to_string(request.sla.osl));
  if (request.policy == search_policy::adaptive
      && (target.ttft_ms != request.sla.ttft_ms || target.itl_ms != request.sla.itl_ms))
    result.remarks.push_back("the search was adaptive: points that could not win for its own target were not measured");
  if (result.prefill.engine != stored.prefill.engine)
    result.remarks.push_back("the prefill curve was measured on " + stored.prefill.engine);
  if (result.decode.engine != stored.decode.engine)
    result.remarks.push_back("the decode grid was measured on " + stored.decode.engine);
  return result;
}

} // namespace sextant
