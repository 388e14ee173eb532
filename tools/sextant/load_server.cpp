// load_server.cpp: Pages by flags or by the endpoints, and the JSON of what they said.
#include "tools/sextant/load_server.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "actors/metrics/statistics/server_side.hpp"

namespace sextant {

namespace {

using json = nlohmann::ordered_json;

std::vector<std::string> pages_of(const load_options& options, const load_analysis& analysis) {
  if (!analysis.server_metrics_urls.empty())
    return analysis.server_metrics_urls;
  std::vector<std::string> out;
  for (auto url : options.urls) {
    while (url.ends_with('/'))
      url.pop_back();
    if (url.ends_with("/v1"))
      url.resize(url.size() - 3);
    out.push_back(url + "/metrics");
  }
  return out;
}

/// Gauges that say something of an engine's load; pages hold hundreds of others.
bool is_telling(std::string_view name) {
  for (const auto* part : {"running", "waiting", "inflight", "queue", "cache_usage", "kv_cache", "kvcache", "token_usage",
                           "POWER_USAGE", "FB_USED", "GPU_UTIL"})
    if (name.find(part) != std::string_view::npos)
      return true;
  return false;
}

std::string label_text(const metric_labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels)
    out += (out.empty() ? "" : ", ") + name + '=' + value;
  return out;
}

} // namespace

server_watch::server_watch(const load_options& options, const load_analysis& analysis)
    : asked_for_{!analysis.server_metrics_urls.empty()} {
  if (!analysis.server_metrics)
    return;
  http_client_settings settings;
  settings.ca_file = options.ca_file;
  for (const auto& page : pages_of(options, analysis))
    scrapers_.push_back(
        std::make_unique<metrics_scraper>(page, static_cast<int64_t>(analysis.server_metrics_interval_s * 1e9), settings));
}

void server_watch::stop(int64_t begin_ns, int64_t end_ns) {
  for (auto& scraper : scrapers_) {
    auto report = statistics::report_server(scraper->stop(), begin_ns, end_ns);
    // A page that nobody asked for and that does not exist is nobody's loss.
    if (asked_for_ || !report.scrapes.empty())
      reports_.push_back(std::move(report));
  }
  scrapers_.clear();
}

std::string server_watch::fact(const load_summary& client) const {
  if (reports_.empty())
    return {};
  json out;
  std::vector<server_series> all;
  for (const auto& r : reports_) {
    out["pages"].push_back(
        {{"url", r.url}, {"scrapes", r.scrapes.size()}, {"series", r.series.size()}, {"problem", r.problem}});
    all.insert(all.end(), r.series.begin(), r.series.end());
    for (const auto& s : r.series)
      if (s.kind == series_kind::gauge && is_telling(s.name) && s.values.max != 0)
        out["gauges"].push_back({{"url", r.url},
                                 {"name", s.name},
                                 {"labels", label_text(s.labels)},
                                 {"mean", s.values.mean},
                                 {"min", s.values.min},
                                 {"max", s.values.max}});
  }
  for (const auto& both : statistics::compare_latencies(all, client))
    out["latencies"].push_back({{"metric", both.metric},
                                {"server_histogram", both.server_name},
                                {"server_count", both.server_count},
                                {"client_count", both.client_count},
                                {"server_mean_ms", both.server_mean},
                                {"client_mean_ms", both.client_mean},
                                {"difference_ms", both.client_mean - both.server_mean},
                                {"server_p50_ms", both.server_p50},
                                {"client_p50_ms", both.client_p50},
                                {"server_p99_ms", both.server_p99},
                                {"client_p99_ms", both.client_p99}});
  return "server=" + out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> server_watch::remarks() const {
  std::vector<std::string> out;
  for (const auto& r : reports_)
    if (!r.problem.empty())
      out.push_back("metrics of " + r.url + (r.scrapes.empty() ? " were not read: " : " have gaps: ") + r.problem);
  return out;
}

} // namespace sextant
