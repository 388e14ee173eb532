// server_metrics.hpp: What a server told about itself on its metrics page while it was under load.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/measure.hpp"

namespace sextant {

/// Labels of a series, sorted by name.
using metric_labels = std::vector<std::pair<std::string, std::string>>;

/// One look at a page.
struct scrape_time {
  int64_t asked_ns = 0;    ///< CLOCK_MONOTONIC, before the request
  int64_t answered_ns = 0; ///< after the answer; the values are of a moment between
};

/// Everything that was read from one page. Series have one value per scrape, NaN where they were not on the page.
struct scraped_endpoint {
  std::string url;
  std::string problem; ///< why nothing (more) was read; empty: nothing was wrong
  std::vector<scrape_time> scrapes;
  std::map<std::pair<std::string, metric_labels>, std::vector<double>> series;
};

/// What a series of a metrics page means, by its name: cumulative counts end in `_total`, parts of histograms in `_bucket`
/// (with a label `le`), `_sum` and `_count`; everything else is a value of the moment.
enum class series_kind : uint8_t { counter, gauge, histogram };

/// A histogram of a page over a span of time.
struct histogram_change {
  double count = 0, sum = 0;
  std::vector<std::pair<double, double>> buckets; ///< upper bound, observations at most that; the last is infinite

  /// Interpolated within its bucket, as PromQL's `histogram_quantile` does; nothing without observations.
  std::optional<double> quantile(double q) const;
};

/// One series over the measured phase.
struct server_series {
  std::string name; ///< of a histogram without its suffix
  metric_labels labels;
  series_kind kind = series_kind::gauge;
  distribution values;         ///< gauges: over the scrapes
  double total = 0, per_s = 0; ///< counters: growth, also over a restart of the server
  histogram_change histogram;
};

/// Everything of one page over the measured phase.
struct server_report {
  std::string url;
  std::string problem; ///< why nothing, or not everything, was read; empty: nothing was wrong
  std::vector<scrape_time> scrapes;
  double seconds = 0; ///< between the two scrapes that bound the phase; 0: too few scrapes
  std::vector<server_series> series;
};

/// A latency by the server and by the client, milliseconds.
struct latency_by_both {
  std::string metric;      ///< the client's tag
  std::string server_name; ///< the server's histogram
  double server_count = 0, client_count = 0;
  double server_mean = 0, client_mean = 0;
  double server_p50 = 0, client_p50 = 0;
  double server_p99 = 0, client_p99 = 0;
};

} // namespace sextant
