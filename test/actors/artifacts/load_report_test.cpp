// load_report_test.cpp: What the page of a load test says, and that nothing from outside becomes markup.
#include <catch2/catch.hpp>

#include "actors/artifacts/load_report.hpp"

using namespace sextant;

namespace {

load_facts facts() {
  load_facts f;
  f.model = "a<b>&c";
  f.urls = {"http://127.0.0.1:8000"};
  f.streaming = true;
  f.concurrency = 8;
  f.command = "sextant load --header 'X: <script>'";
  f.own_facts = {R"(client={"busy_share_worst_second":0.9,"output_events":1000,"coalesced":0,"stamped_by_user":0})"};
  return f;
}

load_summary summary() {
  load_summary s;
  s.sent = s.valid = 120;
  s.last_end_ns = 5'000'000'000;
  metric_summary m;
  m.tag = "time_to_first_token";
  m.header = "Time to First Token";
  m.unit = "ms";
  m.interval_known = true;
  m.values.mean = 51.25;
  m.values.low = 50.5;
  m.values.high = 52.5;
  s.metrics = {m};
  s.checks = {{"littles_law", consistency_check::outcome::passed, 0.001, 0.02, "7.9 requests in flight"}};
  s.steady.found = s.steady.stationary = true;
  s.steady.end_ns = 4'000'000'000;
  latency_counts ttft{"time_to_first_token", {}};
  for (int64_t i = 0; i < 1000; ++i)
    ttft.counts.add(50'000'000 + i * 10'000);
  s.histograms = {ttft};
  s.timeline.slice_s = 0.5;
  s.timeline.in_flight = std::vector<double>(10, 8);
  s.timeline.tokens_per_s = s.timeline.requests_per_s = s.timeline.failures_per_s = s.timeline.in_flight;
  return s;
}

bool has(const std::string& page, const std::string& part) {
  return page.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the report of a load test leads with the verdict, and says what the client did") {
  auto page = load_report_html(facts(), summary(), {"today", {{"ttft_histogram.svg", "png"}}, {}});
  CHECK(has(page, "✓ The result holds"));
  CHECK(has(page, "51.25 ms"));
  CHECK(has(page, "50.50 to 52.50"));
  CHECK(has(page, "<span class=\"tag bad\">✗ client busy 90 % at most</span>"));
  CHECK(has(page, "<span class=\"tag good\">✓ littles_law</span>"));
  CHECK(has(page, "src=\"data:image/svg+xml;base64,cG5n\""));
  CHECK_FALSE(has(page, "<script>"));
  CHECK(has(page, "a&lt;b&gt;&amp;c"));
  CHECK_FALSE(has(page, "http-equiv"));
  auto limited = facts();
  limited.client_limited = true;
  CHECK(has(load_report_html(limited, summary(), {}), "✗ The client limited this result"));
  auto missed = summary();
  missed.verdicts.push_back({{"time_to_first_token", 40}, 0.99, sla_verdict::outcome::fail, 12, 0, 0, false});
  CHECK(has(load_report_html(facts(), missed, {}), "✗ A service level is missed"));
  CHECK(has(load_report_html(facts(), {}, {}), "✗ No request was answered"));
}

TEST_CASE("pictures of a load test: shares of a histogram are those of the samples, lines go over the whole run") {
  const auto charts = load_charts(facts(), summary());
  REQUIRE(charts.size() == 4);
  CHECK(charts[0].file == "ttft_histogram.svg");
  double share = 0;
  const auto& points = charts[0].what.series[0].points;
  for (size_t i = 0; i < points.size(); i += 2)
    share += points[i].y;
  CHECK(share == Approx(0.998).margin(0.005)); // between the 0.1 % quantiles
  CHECK(charts[1].what.series[0].points.back().x == Approx(4.75));
  CHECK(load_charts(facts(), {}).empty());
}
