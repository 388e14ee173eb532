// point_value.hpp: What `point_measured::value_ms` means: from token records to one latency and its 95 % interval.
// Shared by LOAD, which stops when the interval is narrow enough, and METRICS, which reports it. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "messages/records.hpp"

namespace sextant {

/// A mean with its 95 % interval. With fewer than two samples the interval is unknown and both ends are the mean.
struct interval {
  double mean = 0;
  double low = 0;
  double high = 0;
  double deviation = 0; ///< sample standard deviation (n - 1)
  size_t count = 0;
  bool known = false;

  double half_width() const { return (high - low) / 2; }
};

/// The 97.5 % quantile of Student's t distribution with this many degrees of freedom (at least 1).
double student_t_975(double degrees);

/// Student's t interval of the mean of independent samples; variance around the mean in a second pass.
interval interval_of_mean(std::span<const double> samples);

/// Statistics of samples: percentiles by linear interpolation as AIPerf (numpy) computes them, 95 % interval of the mean.
distribution describe_samples(std::vector<double> samples);
distribution describe_sorted(std::span<const double> ascending);

/// Linear interpolation at position (n - 1) q of ascending samples: numpy's default, AIPerf's method. At least one sample.
double percentile_of_sorted(std::span<const double> ascending, double q);

/// Output tokens of a request: as the engine counted them, or the token events where it did not count.
int output_tokens(const request_record& record);

/// Why a request must not enter a statistic, or nothing: it failed, or its lengths are not the plan's.
std::string request_fault(const point_plan& plan, const request_record& record);

double ttft_ms(const request_record& record);    ///< send to first token; 0 without a token
double latency_ms(const request_record& record); ///< send to last token; 0 without a token
double itl_ms(const request_record& record);     ///< (last - first) / (tokens - 1); 0 below two tokens

/// The latency that the selection uses, over the faultless requests of all waves.
///
/// An inter-token latency is that of decoding at the point's whole load: of each wave the part counts in which all its
/// requests decode. The steps before it also carry prompts that are not in the cache to the last token, which the decode
/// engine of a disaggregated deployment never sees; the steps after it carry a smaller load.
///
/// Independent units are: requests, if one is in flight at a time; the rounds of each burst under the DEP burst rule
/// (TTFT of a round = its last first token, less that of the round before and the decode steps in between, so that
/// the mean over the rounds is the burst rule's value); wave means from three waves on. One or two waves of requests that
/// share their steps: the wider of the interval over requests and the interval over steps, where a step is the mean gap at
/// one token position with the linear growth over the context taken out.
interval value_of(const point_plan& plan, const std::vector<request_record>& records);

} // namespace sextant
