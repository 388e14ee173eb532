// load_summary.hpp: A load test: what it was, its records, and what they mean. Made by METRICS' statistics, read by exports,
// views and reports.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "messages/latency_histogram.hpp"
#include "messages/measure.hpp"
#include "messages/records.hpp"

namespace sextant {

/// Whose definitions the numbers follow. Every one is computed from the same records.
enum class metric_profile : uint8_t { aiperf, vllm, genai_perf, mlperf };

template <>
struct enum_names<metric_profile> {
  static constexpr std::array values{
      std::pair{metric_profile::aiperf, std::string_view{"aiperf"}},
      std::pair{metric_profile::vllm, std::string_view{"vllm"}},
      std::pair{metric_profile::genai_perf, std::string_view{"genai-perf"}},
      std::pair{metric_profile::mlperf, std::string_view{"mlperf"}},
  };
};

/// A limit for one metric: requests are good at or below it, or at or above it where larger is better.
struct objective {
  std::string metric; ///< tag, e.g. `time_to_first_token`
  double limit = 0;   ///< in the metric's display unit
};

/// What a load test was asked to do, as far as statistics and exports need it.
struct load_facts {
  std::string benchmark_id; ///< in the form of a UUID
  std::string model;
  std::string endpoint_type = "chat"; ///< `chat`, `completions`, ...
  std::string endpoint_path;          ///< path override; empty: by type
  std::vector<std::string> urls;
  bool streaming = false;
  uint64_t seed = 0;
  std::string command;              ///< command line without secrets
  int64_t started_unix_ns = 0;      ///< wall time of the records' time 0; 0: unknown
  int64_t started_monotonic_ns = 0; ///< the same moment on the host's CLOCK_MONOTONIC; 0: unknown
  std::string clock_host;           ///< whose clock: equal texts share one CLOCK_MONOTONIC (boot id of the kernel)
  std::string arrivals;             ///< `concurrency`, `constant`, `poisson`, `gamma`, `user_centric`, `fixed_schedule`
  int concurrency = 0;              ///< requests in flight at most; 0: no limit
  int prefill_concurrency = 0;
  double request_rate = 0; ///< requests/s that were asked for; 0: closed loop
  int64_t concurrency_ramp_ns = 0;
  int64_t duration_ns = 0; ///< planned; 0: until all requests are done
  int64_t grace_ns = 0;
  uint64_t planned_requests = 0;  ///< of the measured phase; 0: not limited by number, or not known
  uint64_t never_started = 0;     ///< of those, not sent because the run ended before
  double isl = 0, isl_stddev = 0; ///< prompt tokens that were asked for; 0: by the data set
  double osl = 0, osl_stddev = 0; ///< output tokens that were asked for; 0: not limited
  int warmup_requests = 0;
  int warmup_concurrency = 0;
  std::string extra_inputs;           ///< JSON object that is merged into every body; empty: none
  std::string input_file;             ///< data set or trace; empty: synthetic
  bool was_cancelled = false;         ///< the run was interrupted
  bool simulated = false;             ///< the endpoint was one of our simulated engines
  bool client_limited = false;        ///< the client could not keep up: what it measured is its own limit
  std::vector<std::string> remarks;   ///< what limits the result
  std::vector<std::string> own_facts; ///< `key=JSON` of other parts of the client, exported below the key `sextant`
};

/// All records of one load test, from one clock.
struct load_records {
  load_facts facts;
  std::vector<request_record> requests; ///< measured, in any order
  std::vector<request_record> warming;  ///< of the warm-up phase; in no statistic but their own
};

/// One quantile with its distribution-free interval.
struct quantile_estimate {
  double q = 0.5;
  double value = 0;
  double low = 0, high = 0; ///< interval at the summary's confidence; infinite where there are too few samples for an end
  bool enough = false;      ///< samples suffice for a finite one-sided 95 % bound; if not, print `n/a (n too small)`
  bool known() const {
    return low > -std::numeric_limits<double>::infinity() && high < std::numeric_limits<double>::infinity();
  }
};

/// One metric over all requests (or all gaps), or a single number.
struct metric_summary {
  std::string tag;     ///< AIPerf's name, or ours
  std::string header;  ///< for people
  std::string unit;    ///< display unit
  bool single = false; ///< only `values.mean` is there
  bool ours = false;   ///< AIPerf has no such metric
  bool pooled = false; ///< samples are gaps of all requests, not one per request
  bool larger_is_better = false;
  bool interval_known = false; ///< of the mean: `values.low` and `values.high` hold whatever dependence the samples have
  distribution values;
  double sum = 0;
  double trimmed_mean = 0;                  ///< without the upper and lower 10 %; beside the mean, never instead of it
  double effective_count = 0;               ///< independent samples that tell as much
  std::vector<quantile_estimate> quantiles; ///< p50, p90, p95, p99, p99.9, p99.99
};

/// Requests that met every limit of a set.
struct goodput_result {
  std::vector<objective> limits;
  size_t good = 0;
  size_t counted = 0; ///< all requests, errors included
  double requests_per_s = 0;
  double tokens_per_s = 0;
  double fraction = 0;
  double effective_count = 0;                 ///< independent requests that tell as much
  double fraction_low = 0, fraction_high = 0; ///< Wilson interval over those
};

/// Whether a quantile of a metric meets its limit.
struct sla_verdict {
  objective limit;
  double quantile = 0.99;
  enum class outcome : uint8_t { pass, fail, undecided } decision = outcome::undecided;
  size_t decided_after = 0;        ///< requests the sequential test needed; 0: undecided
  double log_likelihood_ratio = 0; ///< where the test stopped or stands
  double early_stopping_bound = 0; ///< conservative estimate of the quantile (MLPerf); 0: too few requests
  bool bound_known = false;
};

/// Errors of one kind.
struct error_count {
  request_fault_class fault = request_fault_class::none;
  int code = 0;     ///< HTTP status, 499 for cancelled; 0: none
  std::string type; ///< AIPerf's name of the kind
  std::string message;
  size_t count = 0;
};

/// A latency seen from when the plan wanted the request sent, and from when it was sent: their difference is the client's.
struct both_origins {
  std::string metric;
  metric_summary from_intended, from_send;
};

/// The part of a run between its ramp-up and its drain, and what was measured in it.
struct steady_window {
  bool found = false;
  std::string reason;                  ///< what bounds it, or why there is none
  int64_t begin_ns = 0, end_ns = 0;    ///< of the whole run where none was found
  size_t requests = 0;                 ///< valid ones that were sent in it
  bool stationary = false;             ///< found, and nothing drifts in it
  std::vector<std::string> drifts;     ///< signals that rise or fall over the window, with Spearman's rank correlation
  std::vector<metric_summary> metrics; ///< latencies of requests sent in it, gaps and rates of events in it
  double seconds() const { return static_cast<double>(end_ns - begin_ns) / 1e9; }
};

/// Little's law over a span of time: requests in flight = rate of completion * mean time in flight.
struct littles_law {
  bool known = false; ///< the span is long enough for its ends not to matter
  double in_flight = 0, completed_per_s = 0, mean_s = 0;
  double difference = 0; ///< |in_flight - completed_per_s * mean_s| / in_flight
};

/// Something that must hold in every honest run.
struct consistency_check {
  std::string name; ///< e.g. `littles_law`
  enum class outcome : uint8_t { passed, failed, not_applicable } result = outcome::not_applicable;
  double value = 0, limit = 0; ///< what was found, and the most that is accepted; in the unit of `detail`
  std::string detail;          ///< for people
};

/// A latency with the requests that ended before it was over (cancelled, timed out) taken as `at least this long` instead
/// of being left out: Kaplan and Meier's estimate.
struct survival_estimate {
  std::string metric;
  size_t observed = 0;                      ///< requests whose latency is known
  size_t censored = 0;                      ///< of whom only a lower bound is known
  std::vector<quantile_estimate> quantiles; ///< infinite where too many are censored to tell
};

/// A latency of all requests (or of all gaps) as counts.
struct latency_counts {
  std::string metric;
  latency_histogram counts;
};

/// How a run went over time, in equal slices of the whole run.
struct load_timeline {
  int64_t begin_ns = 0;
  double slice_s = 0;
  std::vector<double> in_flight;      ///< mean of the slice
  std::vector<double> tokens_per_s;   ///< output
  std::vector<double> requests_per_s; ///< answered
  std::vector<double> failures_per_s;
};

/// What a load test means.
struct load_summary {
  metric_profile profile = metric_profile::aiperf;
  std::vector<std::string> definitions; ///< one sentence for each metric whose meaning differs among tools
  double confidence = 0.95;
  size_t sent = 0, valid = 0, failed = 0, cancelled = 0, timed_out = 0;
  std::vector<metric_summary> metrics; ///< per request first, then single numbers
  std::vector<metric_summary> warmup;  ///< the same of the warm-up phase
  std::vector<both_origins> origins;
  std::vector<error_count> errors;
  std::vector<goodput_result> goodput;
  std::vector<sla_verdict> verdicts;
  steady_window steady;
  littles_law little; ///< in the steady window, or over the whole run without one
  std::vector<consistency_check> checks;
  std::vector<survival_estimate> survival; ///< of latencies that were cut off in some requests
  std::vector<latency_counts> histograms;  ///< TTFT, gaps between events, latency
  load_timeline timeline;
  std::vector<std::string> remarks;
  int64_t first_send_ns = 0, last_end_ns = 0; ///< of valid requests

  const metric_summary* find(std::string_view tag) const {
    for (const auto& m : metrics)
      if (m.tag == tag)
        return &m;
    return nullptr;
  }
};

} // namespace sextant
