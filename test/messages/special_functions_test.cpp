// special_functions_test.cpp: Against values of tables and identities.
#include <cmath>

#include <catch2/catch.hpp>

#include "messages/special_functions.hpp"

using namespace sextant;

TEST_CASE("incomplete beta has its known values") {
  CHECK(incomplete_beta(1, 1, 0.3) == Approx(0.3));
  CHECK(incomplete_beta(2, 3, 0.4) == Approx(0.5248).epsilon(1e-9)); // 1 - P(Bin(4, 0.4) <= 1)
  CHECK(incomplete_beta(0.5, 0.5, 0.5) == Approx(0.5));
  CHECK(incomplete_beta(5e5, 5e5, 0.5) == Approx(0.5).epsilon(1e-8));
  CHECK(incomplete_beta(3, 4, -1) == 0);
  CHECK(incomplete_beta(3, 4, 2) == 1);
}

TEST_CASE("the binomial distribution is the sum of its terms") {
  double sum = 0, term = std::pow(0.7, 20);
  for (int k = 0; k < 20; ++k) {
    sum += term;
    CHECK(binomial_at_most(k, 20, 0.3) == Approx(sum).epsilon(1e-10));
    term *= (20.0 - k) / (k + 1) * 0.3 / 0.7;
  }
  CHECK(binomial_at_most(-1, 20, 0.3) == 0);
  CHECK(binomial_at_most(20, 20, 0.3) == 1);
  CHECK(1 - binomial_at_most(457, 458, 0.99) == Approx(std::pow(0.99, 458)).epsilon(1e-9));
}

TEST_CASE("quantiles are those of tables") {
  CHECK(normal_quantile(0.975) == Approx(1.959963985));
  CHECK(normal_quantile(0.01) == Approx(-2.326347874));
  CHECK(student_t_quantile(0.975, 1) == Approx(12.7062047362));
  CHECK(student_t_quantile(0.975, 29) == Approx(2.0452296421));
  CHECK(student_t_quantile(0.95, 4) == Approx(2.1318467863));
  CHECK(student_t_quantile(0.025, 9) == Approx(-2.2621571628));
  CHECK(student_t_quantile(0.975, 1e7) == Approx(1.959963985));
}
