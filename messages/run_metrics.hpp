// run_metrics.hpp: Metrics of a whole run without intervals: samples of all requests, counts, sums, rates. Pure.
#pragma once

#include <functional>
#include <vector>

#include "messages/load_summary.hpp"
#include "messages/request_metrics.hpp"

namespace sextant {

/// First send and last output of the valid requests; 0 and 0 without one.
struct run_span {
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
  double seconds() const { return static_cast<double>(end_ns - begin_ns) / 1e9; }
};

run_span span_of(metric_profile profile, const std::vector<request_record>& requests);

/// Valid requests in order of the time the plan wanted them sent.
std::vector<const request_record*> valid_in_order(const std::vector<request_record>& requests);

/// A summary with the names of a metric, and nothing else yet.
metric_summary named_summary(const request_metric& metric);

/// Takes a metric with its names set and its samples in that order.
using take_samples = std::function<void(metric_summary named, std::vector<double> ordered)>;

/// Every metric of single requests that has samples, then the pooled gaps; one after another, so that only one is in memory.
void for_each_metric(const load_facts& facts, metric_profile profile, const std::vector<request_record>& requests,
                     const take_samples& take);

/// Counts, sums and rates under AIPerf's names (or vLLM's).
std::vector<metric_summary> derived_metrics(const load_facts& facts, metric_profile profile,
                                            const std::vector<request_record>& requests);

/// Errors grouped by kind, status and words, most frequent first.
std::vector<error_count> count_errors(const std::vector<request_record>& requests);

/// AIPerf's name of a kind of fault.
const char* error_type(request_fault_class fault);

/// What a request's error is exported with: 499 for cancelled ones, the HTTP status of refused ones, 0 for none.
int error_code(const request_record& record);

/// A summary without metrics: counts, errors, definitions, remarks.
load_summary count_run(const load_records& records, metric_profile profile);

/// What the tool itself would print: metrics, counts and errors; no interval, no check.
load_summary plain_summary(const load_records& records, metric_profile profile);

} // namespace sextant
