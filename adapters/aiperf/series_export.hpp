// series_export.hpp: Several results side by side in AIPerf's formats: repeats of a run, slices of one. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant {

/// One statistic of one metric over repeats: Student's t interval of its mean.
struct repeated_value {
  std::string name; ///< tag and statistic, e.g. `time_to_first_token_p99`
  std::string unit;
  double mean = 0, std = 0, min = 0, max = 0; ///< `std` with n - 1
  double cv = 0;                              ///< std / mean; 0 for a mean of 0
  double se = 0;
  double low = 0, high = 0;
  double t_critical = 0; ///< 0 with fewer than two runs
};

/// Every statistic that all runs have, in order of their names.
std::vector<repeated_value> over_runs(const std::vector<load_summary>& runs, double confidence);

/// `aggregate/profile_export_aiperf_aggregate.json`. `planned`: runs that were asked for.
std::string aggregate_json(const std::vector<load_summary>& runs, size_t planned, double confidence);
std::string aggregate_csv(const std::vector<load_summary>& runs, size_t planned, double confidence);

/// One slice of the measured phase: requests that were sent in it.
struct load_slice {
  int64_t begin_ns = 0, end_ns = 0; ///< since the records' time 0
  bool complete = true;             ///< false for a last one that the end of the run cut short
  load_summary summary;             ///< without intervals
};

/// Consecutive slices of equal length from the first send to the last; empty ones included.
std::vector<load_slice> slice_load(const load_records& records, int64_t slice_ns);

/// `profile_export_aiperf_timeslices.json` and `.csv`.
std::string slices_json(const load_facts& facts, const std::vector<load_slice>& slices);
std::string slices_csv(const load_facts& facts, const std::vector<load_slice>& slices);

} // namespace sextant
