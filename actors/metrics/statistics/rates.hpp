// rates.hpp: Rates over a span of time, with intervals over slices of it. Pure.
#pragma once

#include <vector>

#include "actors/metrics/statistics/summarise.hpp"
#include "messages/run_metrics.hpp"

namespace sextant::statistics {

/// Gives the rates among the metrics of a whole run their intervals over slices of the run.
void add_rate_intervals(metric_profile profile, const std::vector<request_record>& requests, double confidence,
                        std::vector<metric_summary>& metrics);

/// What is measured between the ends of a window: latencies of requests sent in it, gaps whose later event is in it, output
/// tokens and completed requests per second with their intervals.
std::vector<metric_summary> metrics_in_window(const load_facts& facts, const std::vector<request_record>& requests,
                                              int64_t begin_ns, int64_t end_ns, const summary_options& options);

} // namespace sextant::statistics
