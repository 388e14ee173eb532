// sla.hpp: Goodput, and verdicts on service levels without waiting for precision. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// Whether a metric is TTFT, time per output token or latency under a tool's names: what a run is judged by. One name each.
bool is_latency(metric_profile profile, std::string_view tag);

/// Goodput under one set of limits. A request without one of the metrics, or with an error, is not good (AIPerf's rule).
goodput_result goodput_of(const std::vector<objective>& limits, metric_profile profile,
                          const std::vector<request_record>& requests, double confidence);

/// Wald's sequential test whether the share of requests over a limit is `allowed` or twice as much: pass, fail, or undecided
/// with what there is. `over` is in order of the requests; both error probabilities are `risk`.
sla_verdict sequential_verdict(const std::vector<bool>& over, double allowed, double risk = 0.05);

/// How many requests below a limit MLPerf's early stopping demands with `over` above it (LoadGen): the smallest h with
/// I_{q}(h, 1 + over) <= 1 - confidence.
size_t early_stopping_required(size_t over, double quantile, double confidence = 0.99);

/// Conservative estimate of a quantile: the smallest sample below which early stopping would accept a limit. Nothing
/// with too few samples (459 for p99).
std::optional<double> early_stopping_bound(std::span<const double> sorted, double quantile, double confidence = 0.99);

} // namespace sextant::statistics
