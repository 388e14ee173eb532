// load_analysis.hpp: What a load test is judged by, when it may stop, and which stored runs to look at again. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/load_options.hpp"

namespace sextant {

/// Levels that a request must meet together: metric tag and limit in its display unit.
using service_levels = std::vector<std::pair<std::string, double>>;

/// A limit on a quantile of a metric.
struct sla_wish {
  std::string metric;
  double quantile = 0.99;
  double limit = 0; ///< in the metric's display unit
};

struct load_analysis {
  std::vector<service_levels> goodput; ///< that of `--goodput` first
  std::vector<sla_wish> slas;
  double stop_precision = 0;      ///< relative half width of intervals of means and rates; 0: not asked for
  double stop_tail_precision = 0; ///< the same of p99
  bool stop_on_sla = false;
  bool stops() const { return stop_precision > 0 || stop_tail_precision > 0 || stop_on_sla; }

  bool server_metrics = true;                   ///< scrape the servers' metrics pages
  std::vector<std::string> server_metrics_urls; ///< empty: `/metrics` of the endpoints
  double server_metrics_interval_s = 0.333;     ///< of GPU pages too
  std::vector<std::string> gpu_telemetry_urls;  ///< pages of GPU exporters

  std::vector<std::string> summarise; ///< record files, or folders with them, of one run
  std::vector<std::string> compare;   ///< sides A and B: each a file or folder, or several with commas between them
  double compare_margin = 0.02;
  bool json = false;
  bool report = true; ///< write report.html
};

/// Reads these flags; every error at once.
load_analysis read_load_analysis(const load_arguments& arguments, std::vector<document_error>& errors);

} // namespace sextant
