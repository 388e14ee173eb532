// timeline.hpp: A run as pictures need it: counts of latencies, and slices of time. Pure.
#pragma once

#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// TTFT and latency of valid requests from their sends, and the gaps between the events of each.
std::vector<latency_counts> count_latencies(const load_facts& facts, metric_profile profile,
                                            const std::vector<request_record>& requests);

/// The run from its first send to its last output in `slices` equal parts.
load_timeline timeline_of(metric_profile profile, const std::vector<request_record>& requests, size_t slices);

} // namespace sextant::statistics
