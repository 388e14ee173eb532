// server_metrics_export.cpp: AIPerf's schema 1.1 of server metrics.
#include "adapters/aiperf/server_metrics_export.hpp"

#include <algorithm>
#include <cmath>

#include "adapters/aiperf/format.hpp"

namespace sextant {

namespace {

using aiperf::json;

constexpr std::pair<const char*, double> estimates[] = {
    {"p1_estimate", 0.01},  {"p5_estimate", 0.05}, {"p10_estimate", 0.1},  {"p25_estimate", 0.25}, {"p50_estimate", 0.5},
    {"p75_estimate", 0.75}, {"p90_estimate", 0.9}, {"p95_estimate", 0.95}, {"p99_estimate", 0.99}};

const char* type_of(series_kind kind) {
  static constexpr const char* names[] = {"counter", "gauge", "histogram"};
  return names[static_cast<size_t>(kind)];
}

json bound_text(double bound) {
  return std::isinf(bound) ? "+Inf" : json(bound).dump();
}

json series_json(const server_report& server, const server_series& s) {
  json out = {{"endpoint_url", server.url}};
  for (const auto& [name, value] : s.labels)
    out["labels"][name] = value;
  auto& stats = out["stats"];
  if (s.kind == series_kind::counter) {
    stats = {{"total", s.total}, {"rate", s.per_s}};
  } else if (s.kind == series_kind::gauge) {
    for (const auto& [name, value] : aiperf::statistics(s.values))
      stats[name] = value;
  } else {
    const auto& h = s.histogram;
    stats = {{"count", std::llround(h.count)},
             {"sum", h.sum},
             {"avg", h.count > 0 ? json(h.sum / h.count) : json(nullptr)},
             {"count_rate", h.count / server.seconds},
             {"sum_rate", h.sum / server.seconds}};
    for (const auto& [name, q] : estimates)
      if (const auto value = h.quantile(q))
        stats[name] = *value;
    for (const auto& [bound, count] : h.buckets)
      out["buckets"][bound_text(bound).get<std::string>()] = std::llround(count);
  }
  return out;
}

json endpoint_json(const server_report& server, int64_t offset_ns) {
  const auto& scrapes = server.scrapes;
  double latency_ns = 0;
  for (const auto& s : scrapes)
    latency_ns += static_cast<double>(s.answered_ns - s.asked_ns);
  const double n = static_cast<double>(scrapes.size());
  const double seconds = static_cast<double>(scrapes.back().answered_ns - scrapes.front().answered_ns) / 1e9;
  const int64_t first = scrapes.front().answered_ns + offset_ns, last = scrapes.back().answered_ns + offset_ns;
  return {{"total_fetches", scrapes.size()},
          {"first_fetch_ns", first},
          {"last_fetch_ns", last},
          {"avg_fetch_latency_ms", latency_ns / n / 1e6},
          {"unique_updates", scrapes.size()},
          {"first_update_ns", first},
          {"last_update_ns", last},
          {"duration_seconds", seconds},
          {"avg_update_interval_ms", scrapes.size() > 1 ? seconds * 1e3 / (n - 1) : 0}};
}

} // namespace

std::string server_metrics_json(const load_facts& facts, const std::vector<server_report>& servers, int64_t offset_ns) {
  json out = {{"schema_version", "1.1"}, {"aiperf_version", aiperf::imitated_version}, {"benchmark_id", facts.benchmark_id}};
  auto& summary = out["summary"];
  summary = {{"endpoints_configured", json::array()}, {"endpoints_successful", json::array()}};
  int64_t begin = 0, end = 0;
  json metrics = json::object();
  for (const auto& server : servers) {
    summary["endpoints_configured"].push_back(server.url);
    if (server.scrapes.empty())
      continue;
    summary["endpoints_successful"].push_back(server.url);
    summary["endpoint_info"][server.url] = endpoint_json(server, offset_ns);
    const int64_t first = server.scrapes.front().answered_ns + offset_ns;
    begin = begin == 0 ? first : std::min(begin, first);
    end = std::max(end, server.scrapes.back().answered_ns + offset_ns);
    for (const auto& s : server.series) {
      auto& metric = metrics[s.name];
      if (metric.is_null())
        metric = {{"type", type_of(s.kind)}, {"description", ""}, {"series", json::array()}};
      metric["series"].push_back(series_json(server, s));
    }
  }
  summary["start_time"] = aiperf::iso_time(begin);
  summary["end_time"] = aiperf::iso_time(end);
  out["metrics_phase"] = "profiling";
  out["metrics"] = std::move(metrics);
  return aiperf::text_of(out, 2) + '\n';
}

} // namespace sextant
