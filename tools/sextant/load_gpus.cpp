#include "tools/sextant/load_gpus.hpp"

namespace sextant {

gpu_watch::gpu_watch(const load_options& options, const load_analysis& analysis) {
  http_client_settings settings;
  settings.ca_file = options.ca_file;
  for (const auto& page : analysis.gpu_telemetry_urls)
    scrapers_.push_back(
        std::make_unique<metrics_scraper>(page, static_cast<int64_t>(analysis.server_metrics_interval_s * 1e9), settings));
}

std::vector<scraped_endpoint> gpu_watch::stop() {
  std::vector<scraped_endpoint> out;
  for (auto& scraper : scrapers_)
    out.push_back(scraper->stop());
  scrapers_.clear();
  return out;
}

} // namespace sextant
