// derived.hpp: Metrics of the whole run: counts, sums, rates. Pure.
#pragma once

#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// First send and last output of the valid requests; 0 and 0 without one.
struct run_span {
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
  double seconds() const { return static_cast<double>(end_ns - begin_ns) / 1e9; }
};

run_span span_of(metric_profile profile, const std::vector<request_record>& requests);

/// Counts, sums and rates under AIPerf's names (or vLLM's), rates with intervals over time slices.
std::vector<metric_summary> derived_metrics(const load_facts& facts, metric_profile profile,
                                            const std::vector<request_record>& requests, double confidence);

/// Errors grouped by kind, status and words, most frequent first.
std::vector<error_count> count_errors(const std::vector<request_record>& requests);

} // namespace sextant::statistics
