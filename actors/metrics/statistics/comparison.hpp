// comparison.hpp: Whether load test B is better or worse than A, metric by metric, and how sure that is. Pure.
#pragma once

#include <string>
#include <vector>

#include "actors/metrics/statistics/summarise.hpp"

namespace sextant::statistics {

/// What a comparison says of one metric.
enum class change : uint8_t {
  better,  ///< B is better, by more than chance and by more than the margin can explain
  worse,   ///< the same to the other side
  same,    ///< the interval lies within the margin
  unclear, ///< the interval is too wide to tell
};

/// One metric on both sides.
struct metric_comparison {
  std::string metric;    ///< tag, e.g. `time_to_first_token`
  std::string statistic; ///< `mean`, `p50`, `p99`, `rate`, `fraction`
  std::string unit;
  bool larger_is_better = false;
  std::string method;       ///< `paired requests`, `independent samples` or `runs`
  double a = 0, b = 0;      ///< estimates
  double ratio = 1;         ///< b / a
  double low = 0, high = 0; ///< interval of the ratio; 0 and infinite where it is not known
  bool known = false;       ///< the interval is
  double p = 1;             ///< chance of a difference like that without a cause
  double p_corrected = 1;   ///< after Holm, for all metrics of the comparison
  change verdict = change::unclear;
};

struct comparison {
  std::vector<metric_comparison> metrics;
  size_t runs_a = 0, runs_b = 0;
  size_t paired_requests = 0; ///< that both sides sent, with the same lengths
  bool worse = false;         ///< some metric is
  bool unclear = false;       ///< some metric is, and none is worse
  std::vector<std::string> remarks;
};

struct comparison_options {
  summary_options summary;
  double margin = 0.02; ///< relative difference that does not matter
};

/// Compares runs of A with runs of B: TTFT, ITL and latency by mean, median and p99, rates, and the share of good
/// requests.
///
/// From three runs on each side the run is the unit: Welch's interval of the logarithms of the runs' estimates. With fewer,
/// the first run of each side: means of requests that both sides sent with the same lengths are compared pair by pair, as a
/// ratio of sums over batches; everything else by the intervals of both sides, put together as MOVER does on the
/// logarithms (Donner & Zou 2012), which needs no law of the samples.
comparison compare_runs(const std::vector<load_records>& a, const std::vector<load_records>& b,
                        const comparison_options& options);

} // namespace sextant::statistics
