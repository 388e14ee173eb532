// surface_test.cpp: Interpolation and extrapolation of measured times.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "adapters/aic/product_grid.hpp"
#include "adapters/aic/surface.hpp"
#include "adapters/aic/versions.hpp"

namespace sextant::performance {

namespace {

sample at(double a, double b, double seconds) {
  return {a, b, static_cast<float>(std::log2(seconds))};
}

/// A kernel: a launch, then work that grows with both sizes.
double kernel(double a, double b) {
  return 5e-6 + 1e-9 * a * b * b;
}

} // namespace

TEST_CASE("a surface gives back its samples and stays between them", "[surface]") {
  std::vector<sample> samples;
  for (double a : {1, 4, 16})
    for (double b : {16, 256, 4096})
      samples.push_back(at(a, b, kernel(a, b)));
  surface_plan plan;
  plan.shape = kernel;
  plan.a_limit = 1024;
  plan.b_limit = 1e6;
  const surface uut{samples, plan};
  for (double a : {1, 4, 16})
    for (double b : {16, 256, 4096})
      CHECK(uut.seconds(a, b) == Approx(kernel(a, b)).epsilon(1e-4));
  CHECK(uut.seconds(4, 1024) > uut.seconds(4, 256));
  CHECK(uut.seconds(4, 1024) < uut.seconds(4, 4096));
  CHECK(uut.seconds(1, 1) == Approx(kernel(1, 16)).epsilon(1e-4)); // below: the smallest measured
  // Beyond: the utilisation of the edge, here that of the kernel itself.
  CHECK(uut.seconds(1024, 4096) == Approx(kernel(1024, 4096)).epsilon(1e-3));
  CHECK(uut.seconds(16, 1e6) == Approx(kernel(16, 1e6)).epsilon(1e-3));
}

TEST_CASE("more work never takes less time, however noisy the samples are", "[surface]") {
  std::mt19937 random{3};
  std::lognormal_distribution<double> noise{0, 0.3};
  std::vector<sample> samples;
  for (double a : {1, 2, 4, 8, 16})
    for (double b : {1, 16, 64, 300, 1000, 5000})
      if (a * b < 20000) // the far corner is missing
        samples.push_back(at(a, b, kernel(a, b) * noise(random)));
  surface_plan plan;
  plan.shape = kernel;
  plan.floor = [](double a, double b) { return 1e-10 * a * b * b; };
  plan.a_limit = 64;
  plan.b_limit = 1e5;
  const surface uut{samples, plan};
  for (double a = 1; a < 100; a *= 1.3)
    for (double b = 1; b < 2e5; b *= 1.2) {
      CHECK(uut.seconds(a, b * 1.2) >= uut.seconds(a, b));
      CHECK(uut.seconds(a * 1.3, b) >= uut.seconds(a, b));
    }
  CHECK(uut.seconds(64, 1e5) >= 1e-10 * 64 * 1e10 * 0.999);
}

TEST_CASE("a shape that was not measured is scaled by the formula's ratio", "[surface]") {
  const std::vector<sample> samples{at(1, 10, 2e-3), at(1, 100, 2e-2)};
  surface_plan plan;
  plan.shape = [](double, double b) { return 1e-4 * b; };
  plan.wanted = [](double, double b) { return 3e-4 * b; };
  CHECK(surface(samples, plan).seconds(1, 100) == Approx(6e-2).epsilon(1e-4));
}

TEST_CASE("pooling moves values as little as possible", "[surface]") {
  float values[] = {1, 3, 2, 4, 4, 1};
  make_ascending(values, 6, 1);
  const float expected[] = {1, 2.5, 2.5, 3, 3, 3};
  for (int i = 0; i < 6; ++i)
    CHECK(values[i] == Approx(expected[i]));
}

TEST_CASE("products between measured sizes follow the work", "[surface]") {
  chunk measured;
  measured.axes = 2;
  measured.patterns = {{1, 128, 4096}};
  const auto seconds = [](double m, double n, double k) { return std::max(2e-6, std::max(n * k / 3e12, m * n * k / 4e14)); };
  for (int64_t k : {1024, 4096})
    for (int64_t n : {1024, 4096}) {
      if (k == 4096 && n == 4096)
        continue; // was not measured
      measured.sizes.insert(measured.sizes.end(), {k, n});
      measured.pattern.push_back(0);
      measured.start.push_back(static_cast<uint32_t>(measured.times.size()));
      for (auto m : measured.patterns[0])
        measured.times.push_back(
            static_cast<float>(std::log2(seconds(static_cast<double>(m), static_cast<double>(n), static_cast<double>(k)))));
    }
  measured.start.push_back(static_cast<uint32_t>(measured.times.size()));
  const product_grid uut{measured};
  const auto middle = uut.curve(2048, 1024);
  REQUIRE(middle.size() == 3);
  CHECK(std::exp2(middle[2].log2_seconds) == Approx(seconds(4096, 2048, 1024)).epsilon(1e-3));
  CHECK(std::exp2(uut.curve(4096, 4096)[2].log2_seconds) == Approx(seconds(4096, 4096, 4096)).epsilon(1e-3));
  CHECK(std::exp2(uut.curve(16384, 1024)[2].log2_seconds) == Approx(seconds(4096, 16384, 1024)).epsilon(1e-3));
  CHECK(uut.covers(4096, 1024));
  CHECK_FALSE(uut.covers(8192, 1024));
}

TEST_CASE("times that another surface makes implausible are lowered, the rest stays", "[surface]") {
  const auto row = [](double b, double seconds) { return sample{1, b, static_cast<float>(std::log2(seconds))}; };
  surface_plan plan;
  plan.shape = [](double, double b) { return b; };
  plan.b_limit = 64;
  const std::vector<sample> even{row(1, 1), row(4, 2), row(16, 8)}, skewed{row(1, 1.2), row(4, 20), row(16, 21)};
  surface uut{skewed, plan};
  uut.keep_below(surface{even, plan}, 1.5);
  CHECK(uut.seconds(1, 1) == Approx(1.2).epsilon(1e-4));
  CHECK(uut.seconds(1, 4) == Approx(3).epsilon(1e-4));
  CHECK(uut.seconds(1, 16) == Approx(12).epsilon(1e-4));
}

TEST_CASE("versions have an order, and the nearest stands in", "[versions]") {
  const std::vector<std::string_view> ascending{"0.1.dev19262", "0.5.6",     "0.5.6.post2", "0.5.9", "0.5.10",
                                                "1.2.0rc5",     "1.3.0rc10", "1.3.0rc20",   "1.3.0"};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    CHECK(compare_versions(ascending[i], ascending[i + 1]) < 0);
    CHECK(compare_versions(ascending[i + 1], ascending[i]) > 0);
    CHECK(compare_versions(ascending[i], ascending[i]) == 0);
  }
  const std::vector<std::string_view> have{"0.19.0", "0.24.0", "0.14.0"};
  CHECK(by_nearness(have, "") == std::vector<std::size_t>{1, 0, 2});
  CHECK(by_nearness(have, "0.20.1") == std::vector<std::size_t>{0, 2, 1});
  CHECK(by_nearness(have, "0.10") == std::vector<std::size_t>{2, 0, 1});
}

} // namespace sextant::performance
