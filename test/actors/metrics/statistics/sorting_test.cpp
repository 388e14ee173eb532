// sorting_test.cpp: The radix sort gives what comparing gives.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/sorting.hpp"

using namespace sextant::statistics;

TEST_CASE("samples of any sign and size are sorted as std::sort does") {
  std::mt19937_64 random(2);
  std::normal_distribution<double> exponent(0, 40);
  for (const size_t n : {size_t{0}, size_t{1}, size_t{100}, size_t{5'000}, size_t{50'000}}) {
    std::vector<double> x(n);
    for (auto& v : x)
      v = (random() % 2 == 0 ? 1 : -1) * std::exp(exponent(random));
    if (n > 100) {
      x[3] = std::numeric_limits<double>::infinity();
      x[7] = -x[3];
      x[9] = x[11] = 0;
    }
    auto expected = x;
    std::sort(expected.begin(), expected.end());
    sort_samples(x);
    CHECK(x == expected);
  }
}
