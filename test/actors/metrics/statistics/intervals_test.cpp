// intervals_test.cpp: Ranks against the tables of the literature; a summary of known samples; coverage of stated intervals.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/dependence.hpp"
#include "actors/metrics/statistics/quantiles.hpp"
#include "actors/metrics/statistics/summarise.hpp"

using namespace sextant;
using namespace sextant::statistics;

TEST_CASE("ranks of order-statistic intervals are the exact binomial ones") {
  const auto ranks = [](size_t n, double q) {
    const auto r = order_statistic_ranks(n, q, 0.95);
    return std::pair{r.low, r.high};
  };
  CHECK(ranks(100, 0.5) == std::pair<size_t, size_t>{40, 61});
  CHECK(ranks(100, 0.9) == std::pair<size_t, size_t>{84, 96});
  CHECK(ranks(100, 0.95) == std::pair<size_t, size_t>{90, 100});
  CHECK(ranks(500, 0.99) == std::pair<size_t, size_t>{490, 500});
  CHECK(ranks(1000, 0.5) == std::pair<size_t, size_t>{469, 532});
  CHECK(ranks(1000, 0.99) == std::pair<size_t, size_t>{983, 997});
  CHECK(ranks(10000, 0.999) == std::pair<size_t, size_t>{9983, 9997});
  CHECK(ranks(100, 0.99).second == 101); // no sample bounds it
}

TEST_CASE("the fewest samples for a one-sided bound are the known ones") {
  CHECK(fewest_samples(0.9, 0.95) == 29);
  CHECK(fewest_samples(0.95, 0.95) == 59);
  CHECK(fewest_samples(0.99, 0.95) == 299);
  CHECK(fewest_samples(0.999, 0.95) == 2995);
  CHECK(fewest_samples(0.9999, 0.95) == 29956);
  CHECK(fewest_samples(0.99, 0.99) == 459);
}

TEST_CASE("a quantile of too few samples says so") {
  std::vector<double> samples;
  for (int i = 0; i < 100; ++i)
    samples.push_back(i * 37 % 100);
  const auto m = summarise_samples(samples, {});
  REQUIRE(m.quantiles.size() == 6);
  CHECK(m.quantiles[0].enough);
  CHECK(m.quantiles[0].known());
  CHECK_FALSE(m.quantiles[3].enough); // p99 of 100
  CHECK_FALSE(m.quantiles[3].known());
}

TEST_CASE("autocorrelation of an AR(1) series is what theory says") {
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise;
  std::vector<double> x(50'000);
  for (size_t i = 1; i < x.size(); ++i)
    x[i] = 0.5 * x[i - 1] + noise(random);
  CHECK(autocorrelation(x, 1) == Approx(0.5).margin(0.02));
  CHECK(autocorrelation_time(x) == Approx(3).margin(0.5));
  CHECK(autocorrelation_time(std::span{x}.first(10'000)) == Approx(3).margin(0.5));
}
