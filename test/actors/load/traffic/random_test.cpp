// Known vectors of Philox, and laws against their distribution functions.
#include "actors/load/traffic/random.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/load/traffic/arrivals.hpp"

namespace sextant::load {

namespace {

/// Largest distance between the samples' distribution and the law's, times sqrt(n): above 1.95 in one of 1,000 runs.
template <class Law>
double kolmogorov(std::vector<double> samples, Law law) {
  std::sort(samples.begin(), samples.end());
  const auto n = static_cast<double>(samples.size());
  double worst = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double p = law(samples[i]);
    worst = std::max({worst, std::fabs(p - static_cast<double>(i) / n), std::fabs(p - static_cast<double>(i + 1) / n)});
  }
  return worst * std::sqrt(n);
}

std::vector<double> gaps(const std::vector<int64_t>& times) {
  std::vector<double> out;
  int64_t before = 0;
  for (const auto t : times) {
    out.push_back(static_cast<double>(t - before) / 1e9);
    before = t;
  }
  return out;
}

/// Variance over mean of the counts in slices of a second.
double dispersion(const std::vector<int64_t>& times) {
  std::vector<double> counts(static_cast<size_t>(times.back() / 1'000'000'000));
  for (const auto t : times)
    if (const auto slot = static_cast<size_t>(t / 1'000'000'000); slot < counts.size())
      ++counts[slot];
  double mean = 0, square = 0;
  for (const double c : counts)
    mean += c / static_cast<double>(counts.size());
  for (const double c : counts)
    square += (c - mean) * (c - mean) / static_cast<double>(counts.size() - 1);
  return square / mean;
}

arrival_law law_of(arrival_pattern pattern, double rate, double smoothness = 1) {
  arrival_law law;
  law.pattern = pattern;
  law.rate = rate;
  law.smoothness = smoothness;
  return law;
}

} // namespace

TEST_CASE("Philox gives the known answers of its authors", "[random]") {
  using block = std::array<uint32_t, 4>;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) == block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0})
        == block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("sources differ by seed, stream and index, and seed 0 is one", "[random]") {
  std::set<uint64_t> seen;
  for (uint64_t seed : {0ULL, 1ULL, 1ULL << 32})
    for (auto stream : {random_stream::arrival, random_stream::prompt})
      for (uint64_t index : {0ULL, 1ULL, 1ULL << 32})
        seen.insert(random_source{seed, stream, index}.word64());
  CHECK(seen.size() == 18);
  CHECK(random_source{0, random_stream::arrival, 5}.word64() == random_source{0, random_stream::arrival, 5}.word64());
}

TEST_CASE("drawn laws are what they are called", "[random]") {
  std::vector<double> uniform, normal, exponential;
  for (uint64_t i = 0; i < 20'000; ++i) {
    uniform.push_back(random_source{7, random_stream::turns, i}.uniform());
    normal.push_back(random_source{8, random_stream::turns, i}.normal());
    exponential.push_back(random_source{9, random_stream::turns, i}.exponential());
  }
  CHECK(kolmogorov(uniform, [](double x) { return x; }) < 1.95);
  CHECK(kolmogorov(normal, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2)); }) < 1.95);
  CHECK(kolmogorov(exponential, [](double x) { return 1 - std::exp(-x); }) < 1.95);
}

TEST_CASE("Poisson arrivals have exponential gaps and counts of dispersion 1", "[arrivals]") {
  const auto times = arrival_times(law_of(arrival_pattern::poisson, 50), 0, 1, 50'000);
  REQUIRE(times.size() == 50'000);
  CHECK(kolmogorov(gaps(times), [](double x) { return 1 - std::exp(-50 * x); }) < 1.95);
  CHECK(dispersion(times) == Approx(1).margin(0.15)); // deviation sqrt(2/1000) = 0.045
  CHECK(std::is_sorted(times.begin(), times.end()));
}

TEST_CASE("gamma arrivals of shape 4 have that law and a quarter of the dispersion", "[arrivals]") {
  const auto times = arrival_times(law_of(arrival_pattern::gamma, 50, 4), 3, 1, 50'000);
  // Erlang of shape 4 and rate 200.
  const auto erlang = [](double x) {
    const double y = 200 * x;
    return 1 - std::exp(-y) * (1 + y + y * y / 2 + y * y * y / 6);
  };
  CHECK(kolmogorov(gaps(times), erlang) < 1.95);
  CHECK(dispersion(times) == Approx(0.25).margin(0.05));
  const auto bursty = arrival_times(law_of(arrival_pattern::gamma, 50, 0.25), 3, 1, 50'000);
  CHECK(dispersion(bursty) == Approx(4).margin(0.8));
}

TEST_CASE("constant arrivals start at 0 and keep their distance", "[arrivals]") {
  const auto times = arrival_times(law_of(arrival_pattern::constant, 8), 1, 1, 100, 2);
  REQUIRE(times.size() == 16); // those before 2 s
  for (size_t i = 0; i < times.size(); ++i)
    CHECK(times[i] == static_cast<int64_t>(i) * 125'000'000);
}

TEST_CASE("more arrivals go on from the same ones; phases are independent", "[arrivals]") {
  const auto law = law_of(arrival_pattern::poisson, 5);
  const auto few = arrival_times(law, 11, 1, 10);
  auto many = arrival_times(law, 11, 1, 100);
  CHECK(many != arrival_times(law, 11, 0, 100));
  many.resize(10);
  CHECK(few == many);
}

TEST_CASE("a changing rate is followed", "[arrivals]") {
  auto law = law_of(arrival_pattern::constant, 10);
  law.ramp_s = 4;
  CHECK(expected_arrivals(law, 4) == Approx(20));
  CHECK(expected_arrivals(law, 6) == Approx(40));
  law.series = {{0, 10}, {10, 30}, {20, 30}};
  CHECK(expected_arrivals(law, 14) == Approx(20 + 200));
  CHECK(expected_arrivals(law, 100) == Approx(20 + 200 + 300 + 30 * 76));
  for (const double n : {0.5, 20.0, 111.0, 219.0, 500.0, 2000.0})
    CHECK(expected_arrivals(law, time_of_expected(law, n)) == Approx(n));
  // Poisson with that rate: as many as expected, within 4 deviations, in each part.
  law.pattern = arrival_pattern::poisson;
  const auto times = arrival_times(law, 5, 1, 100'000, 1000);
  const auto until = [&](double s) {
    return static_cast<double>(std::count_if(times.begin(), times.end(), [&](int64_t t) { return t < s * 1e9; }));
  };
  CHECK(until(14) == Approx(220).margin(60));
  CHECK(until(900) - until(100) == Approx(24'000).margin(620));
}

} // namespace sextant::load
