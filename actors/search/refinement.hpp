// refinement.hpp: Curve points of the adaptive policy: prompt lengths by need, a decode grid that cubic interpolation can
// use. Pure.
#pragma once

#include <optional>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// Points that an adaptive prefill curve is expected to take, and that it takes at most, the sweep's own point included.
inline constexpr int adaptive_prefill_points = 10;
inline constexpr int most_prefill_points = 16;
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

/// Longest prompt of an adaptive prefill curve: four times the target's, as the decode grid, and one pass of an engine at
/// least. Planners from 1.2 on fit one straight line, which prompts far beyond the target's would bend away from it: with
/// all of a 163,840-token context it gives a negative TTFT up to 6,500 tokens.
int curve_end(const service_level& sla, int longest);

/// The next point of a prefill curve whose spread is measured: where Dynamo's planners are off most. Nothing once their
/// cubic and their straight line are good over the whole curve.
std::optional<point_plan> refining_point(const knowledge& known, const candidate_track& candidate);

} // namespace sextant::searching
