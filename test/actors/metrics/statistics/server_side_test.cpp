// server_side_test.cpp: Growth over the measured phase, restarts, quantiles of histograms, the client's beside them.
#include <cmath>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/server_side.hpp"

using namespace sextant;
using namespace sextant::statistics;

namespace {

constexpr int64_t second = 1'000'000'000;

/// Scrapes at 0, 1, ... s; the measured phase is from 1.5 to 3.5 s, so scrapes 1 to 4 count.
scraped_endpoint page(size_t scrapes = 6) {
  scraped_endpoint read;
  read.url = "http://h/metrics";
  for (size_t i = 0; i < scrapes; ++i)
    read.scrapes.push_back({static_cast<int64_t>(i) * second, static_cast<int64_t>(i) * second + 1000});
  const metric_labels worker{{"worker", "0"}};
  const auto bucket = [](const char* le) { return metric_labels{{"le", le}, {"worker", "0"}}; };
  read.series[{"tokens_total", {}}] = {0, 100, 200, 50, 80, 90};
  read.series[{"running", {}}] = {0, 1, 2, 3, 4, 0};
  read.series[{"vllm:time_to_first_token_seconds_bucket", bucket("0.1")}] = {5, 5, 10, 15, 25, 40};
  read.series[{"vllm:time_to_first_token_seconds_bucket", bucket("0.2")}] = {5, 5, 20, 30, 45, 60};
  read.series[{"vllm:time_to_first_token_seconds_bucket", bucket("+Inf")}] = {5, 5, 20, 30, 45, 60};
  read.series[{"vllm:time_to_first_token_seconds_sum", worker}] = {1, 1, 2, 4, 5, 7};
  read.series[{"vllm:time_to_first_token_seconds_count", worker}] = {5, 5, 20, 30, 45, 60};
  return read;
}

const server_series& find(const server_report& r, const std::string& name) {
  for (const auto& s : r.series)
    if (s.name == name)
      return s;
  FAIL("no series " << name);
  return r.series.front();
}

} // namespace

TEST_CASE("counters, gauges and histograms are those of the measured phase") {
  const auto r = report_server(page(), 3 * second / 2, 7 * second / 2);
  CHECK(r.seconds == Approx(3));
  REQUIRE(r.series.size() == 3);
  const auto& tokens = find(r, "tokens_total");
  CHECK(tokens.kind == series_kind::counter);
  CHECK(tokens.total == 180); // 100, then the server began again: 50 and 30
  CHECK(tokens.per_s == Approx(60));
  const auto& running = find(r, "running");
  CHECK(running.kind == series_kind::gauge);
  CHECK(running.values.mean == 2.5);
  CHECK(running.values.max == 4);
  const auto& ttft = find(r, "vllm:time_to_first_token_seconds");
  CHECK(ttft.kind == series_kind::histogram);
  CHECK(ttft.labels == metric_labels{{"worker", "0"}});
  CHECK(ttft.histogram.count == 40);
  CHECK(ttft.histogram.sum == 4);
  CHECK(ttft.histogram.quantile(0.5) == Approx(0.1));   // 20 of 40 in the first bucket
  CHECK(ttft.histogram.quantile(0.25) == Approx(0.05)); // half way into it
  CHECK(ttft.histogram.quantile(0.75) == Approx(0.15));
}

TEST_CASE("the server's latencies stand beside the client's") {
  load_summary client;
  metric_summary m;
  m.tag = "time_to_first_token";
  m.values.count = 40;
  m.values.mean = 103;
  m.values.p50 = 102;
  client.metrics = {m};
  const auto both = compare_latencies(report_server(page(), 3 * second / 2, 7 * second / 2).series, client);
  REQUIRE(both.size() == 1);
  CHECK(both[0].server_mean == Approx(100));
  CHECK(both[0].client_mean == 103);
  CHECK(both[0].server_p50 == Approx(100));
  CHECK(both[0].server_count == 40);
}

TEST_CASE("one scrape tells nothing, a series that comes later grew from nothing") {
  CHECK(report_server(page(1), 0, second).series.empty());
  auto late = page();
  late.series[{"late_total", {}}] = {std::nan(""), std::nan(""), std::nan(""), 7, 9, 9};
  CHECK(find(report_server(late, 3 * second / 2, 7 * second / 2), "late_total").total == 9);
}
