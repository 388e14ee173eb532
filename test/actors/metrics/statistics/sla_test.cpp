// sla_test.cpp: MLPerf's published numbers, Wald's test, goodput.
#include <numeric>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/sla.hpp"

using namespace sextant;
using namespace sextant::statistics;

TEST_CASE("early stopping has MLPerf's published floors") {
  CHECK(early_stopping_required(0, 0.99) == 459);
  CHECK(early_stopping_required(0, 0.9) == 44);
  CHECK(early_stopping_required(1, 0.99) > 459);
  std::vector<double> sorted(662);
  std::iota(sorted.begin(), sorted.end(), 1);
  CHECK(early_stopping_bound(sorted, 0.99) == 661.0);
  CHECK_FALSE(early_stopping_bound(std::span{sorted}.first(458), 0.99));
  CHECK(early_stopping_bound(std::span{sorted}.first(459), 0.99) == 459.0);
}

TEST_CASE("the sequential test decides early when the limit is far, and not at all on little") {
  const auto pass = sequential_verdict(std::vector<bool>(1000, false), 0.01);
  CHECK(pass.decision == sla_verdict::outcome::pass);
  CHECK(pass.decided_after == 291); // the first count above ln 19 / ln(0.99 / 0.98) = 290.03
  const auto fail = sequential_verdict(std::vector<bool>(1000, true), 0.01);
  CHECK(fail.decision == sla_verdict::outcome::fail);
  CHECK(fail.decided_after == 5);
  CHECK(sequential_verdict(std::vector<bool>(50, false), 0.01).decision == sla_verdict::outcome::undecided);
}

TEST_CASE("errors and requests over any limit are not good") {
  std::vector<request_record> requests(4);
  for (size_t i = 0; i < 4; ++i)
    requests[i].token_ns = {static_cast<int64_t>(i + 1) * 100'000'000, static_cast<int64_t>(i + 1) * 100'000'000 + 1};
  requests[0].error = "reset";
  const auto g =
      goodput_of({{"time_to_first_token", 300}, {"request_latency", 350}}, metric_profile::aiperf, requests, 0.95);
  CHECK(g.good == 2);
  CHECK(g.counted == 4);
  CHECK(g.fraction == 0.5);
  CHECK(g.fraction_low == Approx(0.15).margin(0.005)); // Wilson
  CHECK(g.fraction_high == Approx(0.85).margin(0.005));
}
