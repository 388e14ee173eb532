// server_side.cpp: Growth of counters, values of gauges, quantiles of histograms, and the client's beside them.
#include "actors/metrics/statistics/server_side.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "messages/point_value.hpp"

namespace sextant::statistics {

namespace {

/// First and last scrape of the measured phase.
struct scrape_range {
  size_t first = 0, last = 0;
  double seconds = 0;
};

std::optional<scrape_range> range_of(const scraped_endpoint& read, int64_t begin_ns, int64_t end_ns) {
  const auto& scrapes = read.scrapes;
  if (scrapes.size() < 2)
    return std::nullopt;
  scrape_range r;
  for (size_t i = 0; i < scrapes.size(); ++i)
    if (scrapes[i].answered_ns <= begin_ns)
      r.first = i;
  r.last = scrapes.size() - 1;
  for (size_t i = scrapes.size(); i-- > r.first + 1;)
    if (scrapes[i].asked_ns >= end_ns)
      r.last = i;
  r.seconds = static_cast<double>(scrapes[r.last].answered_ns - scrapes[r.first].answered_ns) / 1e9;
  return r.last > r.first && r.seconds > 0 ? std::optional{r} : std::nullopt;
}

/// Growth of a cumulative value; what it shows after a fall grew from 0, as the server began again.
double growth(const std::vector<double>& values, const scrape_range& range) {
  double sum = 0, before = values[range.first];
  for (size_t i = range.first + 1; i <= range.last; ++i) {
    if (std::isnan(values[i]))
      continue;
    sum += std::isnan(before) || values[i] < before ? values[i] : values[i] - before;
    before = values[i];
  }
  return sum;
}

bool take_suffix(std::string& name, std::string_view suffix) {
  if (!name.ends_with(suffix))
    return false;
  name.resize(name.size() - suffix.size());
  return true;
}

double bound_of(const std::string& text) {
  return text == "+Inf" ? std::numeric_limits<double>::infinity() : std::strtod(text.c_str(), nullptr);
}

distribution describe_gauge(const std::vector<double>& values, const scrape_range& range) {
  std::vector<double> seen;
  for (size_t i = range.first; i <= range.last; ++i)
    if (std::isfinite(values[i]))
      seen.push_back(values[i]);
  return describe_samples(std::move(seen));
}

/// Names of a latency at known servers; seconds.
struct known_histogram {
  const char* metric;
  const char* name;
};
constexpr known_histogram known[] = {
    {"time_to_first_token", "vllm:time_to_first_token_seconds"},
    {"time_to_first_token", "sglang:time_to_first_token_seconds"},
    {"time_to_first_token", "trtllm_time_to_first_token_seconds"},
    {"time_to_first_token", "dynamo_frontend_time_to_first_token_seconds"},
    {"inter_token_latency", "vllm:time_per_output_token_seconds"},
    {"inter_token_latency", "vllm:inter_token_latency_seconds"},
    {"inter_token_latency", "sglang:inter_token_latency_seconds"},
    {"inter_token_latency", "trtllm_time_per_output_token_seconds"},
    {"inter_token_latency", "dynamo_frontend_inter_token_latency_seconds"},
    {"request_latency", "vllm:e2e_request_latency_seconds"},
    {"request_latency", "sglang:e2e_request_latency_seconds"},
    {"request_latency", "trtllm_e2e_request_latency_seconds"},
    {"request_latency", "dynamo_frontend_request_duration_seconds"},
};

/// Histograms of one name over all label sets.
histogram_change added(const std::vector<server_series>& server, std::string_view name) {
  histogram_change all;
  std::map<double, double> buckets;
  for (const auto& s : server)
    if (s.kind == series_kind::histogram && s.name == name) {
      all.count += s.histogram.count;
      all.sum += s.histogram.sum;
      for (const auto& [bound, count] : s.histogram.buckets)
        buckets[bound] += count;
    }
  all.buckets.assign(buckets.begin(), buckets.end());
  return all;
}

} // namespace

server_report report_server(const scraped_endpoint& read, int64_t begin_ns, int64_t end_ns) {
  server_report out;
  out.url = read.url;
  out.problem = read.problem;
  out.scrapes = read.scrapes;
  const auto range = range_of(read, begin_ns, end_ns);
  if (!range)
    return out;
  out.seconds = range->seconds;
  std::map<std::pair<std::string, metric_labels>, server_series> found;
  // Buckets first: only they tell that `_sum` and `_count` belong to a histogram.
  for (const auto& [key, values] : read.series) {
    auto [name, labels] = key;
    const auto le = std::find_if(labels.begin(), labels.end(), [](const auto& l) { return l.first == "le"; });
    if (le == labels.end() || !take_suffix(name, "_bucket"))
      continue;
    const double bound = bound_of(le->second);
    labels.erase(le);
    auto& s = found[{name, labels}];
    s.name = name;
    s.labels = labels;
    s.kind = series_kind::histogram;
    s.histogram.buckets.emplace_back(bound, growth(values, *range));
  }
  for (const auto& [key, values] : read.series) {
    const auto& [name, labels] = key;
    auto base = name;
    const bool is_sum = take_suffix(base, "_sum"), is_count = !is_sum && take_suffix(base, "_count");
    if (const auto histogram = found.find({base, labels});
        (is_sum || is_count) && histogram != found.end() && histogram->second.kind == series_kind::histogram) {
      (is_sum ? histogram->second.histogram.sum : histogram->second.histogram.count) = growth(values, *range);
      continue;
    }
    if (name.ends_with("_bucket"))
      continue;
    auto& s = found[key];
    s.name = name;
    s.labels = labels;
    if (is_sum || is_count || name.ends_with("_total")) {
      s.kind = series_kind::counter;
      s.total = growth(values, *range);
      s.per_s = s.total / range->seconds;
    } else {
      s.values = describe_gauge(values, *range);
    }
  }
  for (auto& [key, s] : found) {
    std::sort(s.histogram.buckets.begin(), s.histogram.buckets.end());
    out.series.push_back(std::move(s));
  }
  return out;
}

std::vector<latency_by_both> compare_latencies(const std::vector<server_series>& server, const load_summary& client) {
  std::vector<latency_by_both> out;
  for (const auto& [metric, name] : known) {
    const auto* mine = client.find(metric);
    const auto theirs = added(server, name);
    if (!mine || theirs.count <= 0)
      continue;
    latency_by_both both;
    both.metric = metric;
    both.server_name = name;
    both.server_count = theirs.count;
    both.client_count = static_cast<double>(mine->values.count);
    both.server_mean = theirs.sum / theirs.count * 1e3;
    both.client_mean = mine->values.mean;
    both.server_p50 = theirs.quantile(0.5).value_or(0) * 1e3;
    both.server_p99 = theirs.quantile(0.99).value_or(0) * 1e3;
    both.client_p50 = mine->values.p50;
    both.client_p99 = mine->values.p99;
    out.push_back(std::move(both));
  }
  return out;
}

} // namespace sextant::statistics
