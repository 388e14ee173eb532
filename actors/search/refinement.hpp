// refinement.hpp: Curve points of the adaptive policy: prompt lengths by need, a decode grid that cubic interpolation can
// use. Pure.
#pragma once

#include <optional>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// Points of an adaptive prefill curve, the sweep's own point included.
inline constexpr int adaptive_prefill_points = 8;
/// Output tokens of an adaptive decode point; one more where the target's are odd.
inline constexpr int adaptive_osl = 64;
/// Output tokens that all requests of an adaptive decode point may produce together.
inline constexpr int most_output_tokens = 65000;

/// Longest prompt that a prefill engine takes: context without the reserve, and what one attention rank's KV cache holds.
int longest_prompt(const knowledge& known, const candidate_track& candidate);

/// Share of the KV capacity up to which loads at the target's context are worth measuring: not far beyond the target's ITL.
double useful_usage(const knowledge& known, const candidate_track& candidate);

/// The whole decode grid of a candidate whose engine reported its capacity.
std::vector<decode_spot> adaptive_decode_grid(const knowledge& known, const candidate_track& candidate);

/// Points of an adaptive curve that are known before any is measured: all of a decode grid, the spread of a prefill curve.
std::vector<point_plan> adaptive_points(const knowledge& known, const candidate_track& candidate);

/// The next point of a prefill curve whose spread is measured; nothing once interpolation between its points is good.
std::optional<point_plan> refining_point(const knowledge& known, const candidate_track& candidate);

} // namespace sextant::searching
