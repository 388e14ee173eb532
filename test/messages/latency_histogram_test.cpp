// latency_histogram_test.cpp: Width of the buckets, exact ends, and merging.
#include <algorithm>
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "messages/latency_histogram.hpp"

using namespace sextant;

TEST_CASE("every bucket of a latency histogram is at most a thousandth of its value wide, and holds what is in it") {
  for (int64_t ns = 1; ns < (int64_t{1} << 46); ns = ns * 5 / 3 + 1) {
    latency_histogram h;
    h.add(ns);
    const auto buckets = h.buckets();
    REQUIRE(buckets.size() == 1);
    CHECK(buckets[0].low_ns <= ns);
    CHECK(ns < buckets[0].high_ns);
    CHECK((buckets[0].high_ns - buckets[0].low_ns - 1) * 1024 <= ns);
    CHECK(h.quantile_ns(0.5) == ns); // clamped to the exact ends
  }
}

TEST_CASE("quantiles of a latency histogram are those of the samples to three digits; parts add up to the whole") {
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> latency(17, 1);
  std::vector<int64_t> samples;
  latency_histogram whole, parts[3];
  for (int i = 0; i < 30'000; ++i) {
    samples.push_back(static_cast<int64_t>(latency(random)));
    whole.add(samples.back());
    parts[i % 3].add(samples.back());
  }
  std::sort(samples.begin(), samples.end());
  for (const double q : {0.001, 0.5, 0.9, 0.99, 0.9999}) {
    const auto exact = static_cast<double>(samples[static_cast<size_t>(std::ceil(q * 30'000)) - 1]);
    CHECK(static_cast<double>(whole.quantile_ns(q)) == Approx(exact).epsilon(0.001));
  }
  CHECK(whole.min_ns() == samples.front());
  CHECK(whole.max_ns() == samples.back());
  CHECK(whole.count_up_to(samples[15'000]) == Approx(15'000).margin(60));
  latency_histogram sum;
  for (const auto& part : parts)
    sum.merge(part);
  CHECK(sum.buckets().size() == whole.buckets().size());
  CHECK(sum.count() == whole.count());
  CHECK(sum.mean_ns() == Approx(whole.mean_ns()));
  CHECK(sum.quantile_ns(0.99) == whole.quantile_ns(0.99));
}

TEST_CASE("an empty latency histogram has no quantile, and times outside of its range stay countable") {
  latency_histogram h;
  CHECK(h.quantile_ns(0.5) == 0);
  CHECK(h.count_up_to(1000) == 0);
  h.add(-5);
  h.add(int64_t{1} << 60);
  CHECK(h.count() == 2);
  CHECK(h.min_ns() == -5);
  CHECK(h.max_ns() == int64_t{1} << 60);
}
