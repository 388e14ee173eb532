// plans.hpp: The traffic of every point: ids, request counts, warming, repeats (reference sheet, 5.2 to 5.4). Pure.
#pragma once

#include <string>

#include "actors/search/grids.hpp"
#include "messages/measure.hpp"
#include "messages/request.hpp"

namespace sextant::searching {

/// Output tokens of prefill runs.
inline constexpr int prefill_osl = 5;
/// Depth of the burst that measures the TTFT of data-parallel attention.
inline constexpr int burst_depth = 4;
/// Warming requests for each attention rank.
inline constexpr int warmup_per_rank = 3;

/// Which of the two sets of points a plan belongs to.
enum class point_set { sweep, curve };

/// Id of a point: `{engine}/{sweep|curve}/isl{isl}_osl{osl}_n{n}`.
std::string point_id(const std::string& engine, point_set set, const decode_spot& spot);

/// TTFT of fresh prompts of `isl` tokens.
point_plan prefill_plan(const profile_request& request, const std::string& engine, const mapping& layout, point_set set,
                        int isl);

/// ITL of `spot.in_flight` requests whose prompts are in the KV cache.
point_plan decode_plan(const profile_request& request, const std::string& engine, const mapping& layout, point_set set,
                       const decode_spot& spot);

/// The plan's place in the decode grid.
decode_spot spot_of(const point_plan& plan);

} // namespace sextant::searching
