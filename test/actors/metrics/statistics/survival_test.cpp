// survival_test.cpp: Kaplan and Meier against a textbook example, and against the truth that cancelling hides.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/survival.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

TEST_CASE("the product-limit estimate of Freireich's remission times is the published one") {
  // 6-MP group of Freireich et al. 1963; median 23 weeks, S(10) = 0.753.
  const std::vector<lifetime> weeks = {{6},        {6},        {6},        {6, true},  {7},        {9, true},  {10},
                                       {10, true}, {11, true}, {13},       {16},       {17, true}, {19, true}, {20, true},
                                       {22},       {23},       {25, true}, {32, true}, {32, true}, {34, true}, {35, true}};
  REQUIRE(weeks.size() == 21);
  const double quantiles[] = {0.247, 0.5, 0.9};
  const auto e = survival_quantiles(weeks, quantiles, 0.95);
  CHECK(e[0].value == 10); // S(10) = 0.7529 is not yet below 1 - 0.247 = 0.753 by rounding only
  CHECK(e[1].value == 23);
  CHECK(e[1].low == 13); // R survival, conf.type = "log-log"
  CHECK_FALSE(std::isfinite(e[1].high));
  CHECK_FALSE(std::isfinite(e[2].value));
  CHECK_FALSE(e[2].enough);
}

TEST_CASE("a time-out at twice the median does not move the median that is estimated, and says that p99 is beyond it") {
  auto run = test::closed_loop({.requests = 2000, .slots = 16});
  std::mt19937_64 random(5);
  // Every second request is given up after 195 ms; their answers would have taken 190 ms in the median.
  for (auto& r : run.requests)
    if (random() % 2 == 0 && r.ended_ns > r.sent_ns + 195'000'000) {
      r.ended_ns = r.sent_ns + 195'000'000;
      r.fault = request_fault_class::timed_out;
      r.error = "timed out";
      std::erase_if(r.token_ns, [&](int64_t t) { return t > r.ended_ns; });
    }
  const auto estimates = estimate_survival(run, metric_profile::aiperf, 0.95);
  REQUIRE(estimates.size() == 2);
  const auto& latency = estimates[1];
  CHECK(latency.metric == "request_latency");
  CHECK(latency.observed + latency.censored == 2000);
  CHECK(latency.censored > 300);
  std::vector<double> survivors;
  const auto whole = test::closed_loop({.requests = 2000, .slots = 16});
  std::vector<double> truth;
  for (const auto& r : whole.requests)
    truth.push_back(static_cast<double>(r.token_ns.back() - r.sent_ns) / 1e6);
  std::sort(truth.begin(), truth.end());
  CHECK(latency.quantiles[0].value == Approx(truth[1000]).epsilon(0.01));
  CHECK(latency.quantiles[0].low < truth[1000]);
  CHECK(latency.quantiles[0].high > truth[1000]);
  CHECK(latency.quantiles[1].value == Approx(truth[1800]).epsilon(0.05)); // p90, of the half that was not given up
}

TEST_CASE("without requests that were cut off there is nothing to estimate, refused ones are no time") {
  auto run = test::closed_loop({.requests = 100, .slots = 4});
  CHECK(estimate_survival(run, metric_profile::aiperf, 0.95).empty());
  run.requests[3].fault = request_fault_class::refused;
  run.requests[3].error = "refused";
  run.requests[3].token_ns.clear();
  CHECK(estimate_survival(run, metric_profile::aiperf, 0.95).empty());
  run.requests[4].fault = request_fault_class::cancelled;
  run.requests[4].error = "cancelled";
  const auto e = estimate_survival(run, metric_profile::aiperf, 0.95);
  REQUIRE(e.size() == 1); // its first token had come: only the latency is cut off
  CHECK(e[0].observed == 98);
  CHECK(e[0].censored == 1);
}
