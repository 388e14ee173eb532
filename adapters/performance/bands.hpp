// bands.hpp: How far estimates were from measured runs of combinations that no constant was fitted on.
#pragma once

#include "adapters/performance/serving.hpp"

namespace sextant::performance {

/// Sets low and high of an estimate so that 80 % of left-out runs of its kind lay inside.
void add_bands(serving_estimate& estimate, backend_kind backend, bool disaggregated);

} // namespace sextant::performance
