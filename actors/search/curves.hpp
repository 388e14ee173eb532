// curves.hpp: The in-depth curves of the chosen engines: which points, and what they say (reference sheet, 7). Pure.
#pragma once

#include <optional>
#include <vector>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// The next point of the chosen engine's curve; nothing when the curve is complete or impossible. Points that were measured
/// for the sweep are not measured again.
std::optional<point_plan> next_curve_point(const knowledge& known, const candidate_track& candidate);

/// The points that the reference would measure for a candidate whose KV capacity is known.
std::vector<point_plan> reference_curve(const knowledge& known, const candidate_track& candidate);

/// Points of the curve that are still to be measured, as far as they are known now: refinement may add some.
std::vector<point_plan> curve_points_left(const knowledge& known, const candidate_track& candidate);

/// Points that a whole curve takes, for the progress display.
int curve_points_expected(const knowledge& known, const candidate_track& candidate);

/// The prefill curve as measured so far: ascending in ISL, one sample for each.
std::vector<prefill_sample> prefill_curve(const candidate_track& candidate);

/// The decode samples measured so far: ascending in context and usage, one for each place.
std::vector<decode_sample> decode_samples(const candidate_track& candidate);

/// The longest part of a curve whose TTFT rises strictly with the ISL; what planners need, and what noise may break where
/// short prompts all take one step.
std::vector<prefill_sample> rising_part(const std::vector<prefill_sample>& curve);

/// What a planner would object to in the curves; empty if they serve every release.
std::vector<std::string> curve_objections(const std::vector<prefill_sample>& prefill,
                                          const std::vector<decode_sample>& decode);

// -- where the adaptive policy begins ------------------------------------------------------------------

/// Input lengths of an adaptive prefill curve before refinement: logarithmic from 100 to `longest`, with `wanted` among
/// them.
std::vector<int> spread_lengths(int wanted, int longest);

/// Places of an adaptive decode grid: contexts around the target's, the same usages up to `usage` on each, shortest first.
/// The target's row has the mean context of the sweep, so that the points of both lie on one line.
std::vector<decode_spot> spread_spots(const service_level& sla, int max_context, int64_t kv_tokens, int attention_dp,
                                      double usage);

} // namespace sextant::searching
