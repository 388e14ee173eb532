// summarise.hpp: From the records of a load test to its summary. Pure; a million requests take seconds.
#pragma once

#include <span>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant::statistics {

/// A quantile limit that the run is judged by.
struct sla_limit {
  objective limit;
  double quantile = 0.99;
};

struct summary_options {
  metric_profile profile = metric_profile::aiperf;
  double confidence = 0.95;
  std::vector<std::vector<objective>> goodput; ///< sets of limits that a request must meet together
  std::vector<sla_limit> limits;
  bool intervals = true; ///< false: only what AIPerf prints, for quick looks
  bool validity = true;  ///< steady window, Little's law, checks, estimates of cut-off requests
};

/// The whole summary. Requests may come in any order.
load_summary summarise_load(const load_records& records, const summary_options& options);

/// Distribution, intervals and effective count of samples in order of their requests' intended times. With
/// `order_statistics` percentiles are samples (LoadGen's way), otherwise interpolated ones.
metric_summary summarise_samples(std::vector<double> ordered, const summary_options& options, metric_summary named = {});

} // namespace sextant::statistics
