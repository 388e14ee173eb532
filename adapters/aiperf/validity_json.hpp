// validity_json.hpp: What a summary says about its own worth, as JSON below the key `sextant`.
#pragma once

#include "adapters/aiperf/format.hpp"
#include "messages/load_summary.hpp"

namespace sextant::aiperf {

/// What AIPerf has no place for: intervals, trimmed mean, effective count, quantiles with their guards.
json interval_json(const metric_summary& m);

/// Steady window, Little's law, checks, latencies with cut-off requests: one key each, as far as there is something.
json validity_json(const load_summary& s);

} // namespace sextant::aiperf
