// steady_state_test.cpp: MSER-5 on known series, in-flight counts, and windows of runs with ramps, drains and drifts.
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/steady_state.hpp"
#include "actors/metrics/statistics/summarise.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

TEST_CASE("MSER-5 drops a step at the start and nothing of a constant series") {
  std::vector<double> x(200, 5.0);
  CHECK(mser5(x).drop == 0);
  CHECK(mser5(x).valid);
  std::fill_n(x.begin(), 30, 9.0);
  CHECK(mser5(x).drop == 30);
  std::fill_n(x.begin(), 33, 9.0); // in the middle of a batch
  CHECK(mser5(x).drop == 35);
}

TEST_CASE("MSER-5 does not trust a series that still moves in its second half, nor a short one") {
  std::vector<double> ramp(200);
  for (size_t i = 0; i < ramp.size(); ++i)
    ramp[i] = static_cast<double>(i);
  CHECK_FALSE(mser5(ramp).valid);
  CHECK_FALSE(mser5(std::span{ramp}.first(49)).valid);
}

TEST_CASE("MSER-5 finds the decay of a noisy exponential transient") {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise;
  std::vector<double> x(1000);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = 10 + 20 * std::exp(-static_cast<double>(i) / 40) + noise(random);
  const auto cut = mser5(x);
  CHECK(cut.valid);
  CHECK(cut.drop >= 80); // e^-2: 2.7 left
  CHECK(cut.drop <= 250);
}

TEST_CASE("rank correlation with time is 1 for any rising series, -1 for a falling one, by mean ranks for ties") {
  CHECK(rank_correlation_with_time(std::vector<double>{1, 10, 11, 400}) == Approx(1));
  CHECK(rank_correlation_with_time(std::vector<double>{4, 3, 2, 1}) == Approx(-1));
  CHECK(rank_correlation_with_time(std::vector<double>{3, 3, 3, 3}) == 0);
  CHECK(rank_correlation_with_time(std::vector<double>{1, 2, 2, 3}) == Approx(0.9486833)); // scipy.stats.spearmanr
}

TEST_CASE("requests in flight are averaged over slices by the time they overlap them") {
  std::vector<request_record> requests(2);
  requests[0].sent_ns = 0;
  requests[0].ended_ns = 100;
  requests[1].sent_ns = 50;
  requests[1].ended_ns = 75;
  const auto changes = flight_changes(requests);
  CHECK(in_flight_by_slice(changes, 0, 100, 2) == std::vector<double>{1, 1.5});
  CHECK(in_flight_by_slice(changes, 50, 150, 4) == std::vector<double>{2, 1, 0, 0});
}

TEST_CASE("the window of a closed loop leaves out the first requests of all slots and the drain") {
  const auto run = test::closed_loop({.requests = 800, .slots = 16});
  const auto w = find_window(run.facts, metric_profile::aiperf, run.requests);
  REQUIRE(w.found);
  CHECK(w.stationary);
  int64_t first_wave = 0, last_send = 0, end = 0;
  for (size_t i = 0; i < 16; ++i)
    first_wave = std::max(first_wave, run.requests[i].ended_ns);
  for (const auto& r : run.requests) {
    last_send = std::max(last_send, r.sent_ns);
    end = std::max(end, r.ended_ns);
  }
  CHECK(w.begin_ns >= first_wave);
  CHECK(w.end_ns <= last_send);
  CHECK(w.end_ns - w.begin_ns > end / 2);
  CHECK(w.requests > 400);
}

TEST_CASE("a slow start is left out, so that the window's mean is that of the settled part") {
  test::loop_shape shape{.requests = 2000, .slots = 16};
  shape.factor = [](double at) { return at < 0.1 ? 3.0 : 1.0; };
  const auto run = test::closed_loop(shape);
  summary_options options;
  const auto s = summarise_load(run, options);
  INFO(s.steady.reason);
  REQUIRE(s.steady.found);
  const auto settled = std::find_if(s.steady.metrics.begin(), s.steady.metrics.end(),
                                    [](const auto& m) { return m.tag == "time_to_first_token"; });
  REQUIRE(settled != s.steady.metrics.end());
  const double truth = 100 * std::exp(0.3 * 0.3 / 2);
  CHECK(settled->values.low < truth);
  CHECK(truth < settled->values.high);
  CHECK(s.find("time_to_first_token")->values.mean > 1.15 * truth);
}

TEST_CASE("a drift through the whole run is no steady state") {
  test::loop_shape shape{.requests = 2000, .slots = 16};
  shape.factor = [](double at) { return 1 + at; };
  const auto run = test::closed_loop(shape);
  const auto w = find_window(run.facts, metric_profile::aiperf, run.requests);
  CHECK_FALSE(w.stationary);
}

TEST_CASE("few requests have no window, and the reason is given") {
  const auto run = test::closed_loop({.requests = 40, .slots = 4});
  const auto w = find_window(run.facts, metric_profile::aiperf, run.requests);
  CHECK_FALSE(w.found);
  CHECK(w.reason == "fewer than 50 valid requests");
  CHECK(w.end_ns > w.begin_ns);
}
