// load_gpus.hpp: Exporters of GPU telemetry, read during a run.
#pragma once

#include <memory>
#include <vector>

#include "adapters/prometheus/scraper.hpp"
#include "config/load_analysis.hpp"

namespace sextant {

/// Reads the pages of `--gpu-telemetry` from its construction on; nothing without that flag.
class gpu_watch {
public:
  gpu_watch(const load_options& options, const load_analysis& analysis);

  /// Ends the reading and hands over what was read.
  std::vector<scraped_endpoint> stop();

private:
  std::vector<std::unique_ptr<metrics_scraper>> scrapers_;
};

} // namespace sextant
