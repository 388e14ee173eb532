// refinement.hpp: Curve points of the adaptive policy: a sparse spread first, then where interpolation and model disagree. Pure.
#pragma once

#include <optional>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// Points of an adaptive prefill curve, the sweep's own point included.
inline constexpr int adaptive_prefill_points = 8;
/// Points of an adaptive decode grid, sweep points not counted.
inline constexpr int adaptive_decode_points = 11;
/// Output tokens of an adaptive decode point.
inline constexpr int adaptive_osl = 128;
/// Output tokens that all requests of an adaptive decode point may produce together.
inline constexpr int most_output_tokens = 120000;

/// Longest prompt that a prefill engine takes: context without the reserve, and what one attention rank's KV cache holds.
int longest_prompt(const knowledge& known, const candidate_track& candidate);

/// The next point of an adaptive curve.
std::optional<point_plan> next_adaptive_point(const knowledge& known, const candidate_track& candidate);

} // namespace sextant::searching
