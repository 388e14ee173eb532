// checks.hpp: What must hold in every honest run: Little's law, stamps in order, counts that agree, a load as it was asked
// for. Pure.
#pragma once

#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// Little's law over [begin, end). In flight by the overlap of each exchange with the span, rate and mean time by the
/// exchanges that end in it, failed ones too. Not known where the requests that hang over the ends of the span may alone
/// make a difference of 1 %.
littles_law littles_law_over(const std::vector<request_record>& requests, int64_t begin_ns, int64_t end_ns);

/// All checks, in a fixed order; those that the run gives no data for are `not_applicable`. `little` is the run's.
std::vector<consistency_check> check_run(const load_records& records, const littles_law& little);

} // namespace sextant::statistics
