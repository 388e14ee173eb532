// bounds.hpp: How much a sidecar may ask of a deployment that serves others. Pure.
#pragma once

#include <string>

#include "messages/measure.hpp"

namespace sextant::sidecar {

/// Limits of one measurement at a deployment in use.
inline constexpr int most_requests = 256; ///< warming and all waves included
inline constexpr int most_at_once = 32;
inline constexpr double most_tokens = 2e6; ///< prompts and outputs of all requests
inline constexpr int most_seconds = 60;

/// Why a measurement is too much, or nothing. Every reason at once.
std::string too_much(const point_plan& plan);

} // namespace sextant::sidecar
