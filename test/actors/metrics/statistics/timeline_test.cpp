// timeline_test.cpp: Slices of a run add up to the run.
#include <numeric>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/timeline.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

TEST_CASE("rates of all slices add up to what was answered, failed and written") {
  auto run = test::closed_loop({.requests = 400, .slots = 8});
  for (size_t i = 0; i < 20; ++i) {
    run.requests[10 * i + 5].error = "reset";
    run.requests[10 * i + 5].fault = request_fault_class::reset;
  }
  const auto t = timeline_of(metric_profile::aiperf, run.requests, 50);
  REQUIRE(t.in_flight.size() == 50);
  const auto sum = [&](const std::vector<double>& rates) {
    return std::accumulate(rates.begin(), rates.end(), 0.0) * t.slice_s;
  };
  CHECK(sum(t.requests_per_s) == Approx(380));
  CHECK(sum(t.failures_per_s) == Approx(20));
  CHECK(sum(t.tokens_per_s) == Approx(3800));
  CHECK(t.in_flight[25] == Approx(8).margin(0.1));
}

TEST_CASE("latencies are counted for what was streamed only") {
  auto run = test::closed_loop({.requests = 100, .slots = 8});
  const auto counts = count_latencies(run.facts, metric_profile::aiperf, run.requests);
  REQUIRE(counts.size() == 3);
  CHECK(counts[0].metric == "time_to_first_token");
  CHECK(counts[0].counts.count() == 100);
  CHECK(counts[1].counts.count() == 900);
  run.facts.streaming = false;
  CHECK(count_latencies(run.facts, metric_profile::aiperf, run.requests).size() == 1);
  CHECK(count_latencies(run.facts, metric_profile::aiperf, {}).empty());
  CHECK(timeline_of(metric_profile::aiperf, {}, 50).in_flight.empty());
}
