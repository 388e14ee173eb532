// economy.hpp: What steps cost in GPU-seconds, and whether the pick of now will be the pick in the end. Pure.
#pragma once

#include "actors/search/state.hpp"

namespace sextant::searching {

/// Seconds that an engine is expected to spend on a point: warming what its cache does not hold, and the waves at least.
/// `cached_tokens`: prompt tokens of all requests together that earlier points left in the cache.
double expected_seconds(const candidate_track& candidate, const point_plan& plan, double cached_tokens = 0);

/// Chance that no unmeasured point of another candidate will take the pick's place, 0..1. A belief's bounds are taken as two
/// standard deviations of the logarithm; the points of one candidate count as one chance, its best.
double chance_to_stay(const knowledge& known, phase role);

/// GPU-seconds that the rest of a candidate's curve is expected to take.
double curve_gpu_seconds(const knowledge& known, const candidate_track& candidate);

/// Whether an engine that must end for another one should measure its curve first: starting it again, should it stay the
/// pick, costs more than a curve that nobody needs, each times its chance.
bool curve_before_end(const knowledge& known, const candidate_track& candidate);

} // namespace sextant::searching
