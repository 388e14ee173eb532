// load_server.hpp: The metrics pages of the servers under load: watched during a run, told beside the client's figures.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/prometheus/scraper.hpp"
#include "config/load_analysis.hpp"
#include "messages/load_summary.hpp"

namespace sextant {

/// Scrapes every page from its construction on.
class server_watch {
public:
  /// Pages of the flags; without any, `/metrics` of each endpoint, which may have none.
  server_watch(const load_options& options, const load_analysis& analysis);

  /// Ends the scraping; the measured phase was between these times (CLOCK_MONOTONIC).
  void stop(int64_t begin_ns, int64_t end_ns);

  const std::vector<server_report>& reports() const { return reports_; }

  /// The fact `server=JSON` for exports and report: latencies by both, what the values of the moment were. Empty if there
  /// was no page.
  std::string fact(const load_summary& client) const;

  /// Pages that were asked for and could not be read.
  std::vector<std::string> remarks() const;

private:
  bool asked_for_;
  std::vector<std::unique_ptr<metrics_scraper>> scrapers_;
  std::vector<server_report> reports_;
};

} // namespace sextant
