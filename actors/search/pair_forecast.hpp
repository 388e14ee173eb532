// pair_forecast.hpp: What a prefill and a decode engine are expected to do together, from what each did alone. Pure.
#pragma once

#include <optional>

#include "actors/search/state.hpp"
#include "messages/profile.hpp"

namespace sextant::searching {

/// Share by which the measured pair may leave what its engines' measurements say: hand-over of the KV cache, router and
/// frontend are in no single engine's figures.
inline constexpr double pair_band = 0.25;

/// Fills the predicted side of a confirmation: the rate that both engines sustain within the target, and the latencies at
/// that rate. Prefill queues like M/D/1 (Pollaczek-Khinchine): its mean wait is `s * u / (2 (1 - u))` with service time `s`
/// and utilisation `u`; the band's upper end takes exponential service, M/M/1. Decode holds `rate * osl * itl` requests
/// (Little's law). The first token comes one decode step after the prefill. Nothing if one of both has no measurement.
std::optional<pair_confirmation> forecast_pair(const knowledge& known);

/// The verdict on measured medians, ms.
void judge_pair(pair_confirmation& pair, const service_level& sla);

/// The pair's traffic: a closed loop of fresh prompts with the requests in flight that the predicted rate keeps in the
/// system, four times around.
point_plan pair_plan(const profile_request& request, const pair_confirmation& pair);

} // namespace sextant::searching
