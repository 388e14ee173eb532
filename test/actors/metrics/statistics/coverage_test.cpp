// coverage_test.cpp: How often a stated 95 % interval covers the truth, over 1,000 simulated runs of each kind of traffic.
// `tools/bench intervals` runs it for several seeds and prints the tables; it takes minutes, so it is no test of every day.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/dependence.hpp"
#include "actors/metrics/statistics/quantiles.hpp"
#include "actors/metrics/statistics/sorting.hpp"
#include "messages/point_value.hpp"

using namespace sextant;
using namespace sextant::statistics;

namespace {

using generator = std::mt19937_64;
using run = std::vector<double>;

double normal(generator& g) {
  return std::normal_distribution<double>{}(g);
}

/// Independent log-normal latencies.
run independent(size_t n, generator& g) {
  run x(n);
  for (auto& v : x)
    v = std::exp(0.5 * normal(g));
  return x;
}

/// Log-normal latencies over a Gaussian AR(1) process, stationary from the start.
run autoregressive(size_t n, double rho, generator& g) {
  run x(n);
  double z = normal(g);
  for (auto& v : x) {
    v = std::exp(0.5 * z);
    z = rho * z + std::sqrt(1 - rho * rho) * normal(g);
  }
  return x;
}

/// Waves of 16 requests that share half of their variance, as requests in one batch share its steps.
run shared_steps(size_t n, generator& g) {
  run x;
  while (x.size() < n) {
    const double common = normal(g);
    for (int i = 0; i < 16 && x.size() < n; ++i)
      x.push_back(std::exp(0.5 * (std::sqrt(0.5) * common + std::sqrt(0.5) * normal(g))));
  }
  return x;
}

/// Bursts: a Markov chain between a fast state (mean 60 requests) and one three times as slow (mean 20).
run bursts(size_t n, generator& g) {
  run x(n);
  std::uniform_real_distribution<double> u;
  bool slow = u(g) < 0.25;
  for (auto& v : x) {
    v = (slow ? 3 : 1) * std::exp(0.3 * normal(g));
    slow = slow ? u(g) > 1.0 / 20 : u(g) < 1.0 / 60;
  }
  return x;
}

struct traffic {
  const char* name;
  size_t n;
  std::function<run(size_t, generator&)> make;
};

const std::vector<traffic>& kinds() {
  static const std::vector<traffic> all = {
      {"independent", 1000, independent},
      {"AR(1) 0.5", 2000, [](size_t n, generator& g) { return autoregressive(n, 0.5, g); }},
      {"AR(1) 0.9", 5000, [](size_t n, generator& g) { return autoregressive(n, 0.9, g); }},
      {"shared steps", 5000, shared_steps},
      {"bursts", 10000, bursts},
  };
  return all;
}

/// Seed of the runs: SEXTANT_SEED, or 17.
uint64_t seed_of_runs() {
  const char* given = std::getenv("SEXTANT_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 17;
}

/// Shares of runs whose interval covers the truth: mean, p50, p90, p99.
std::vector<double> coverage(const traffic& kind, int runs, uint64_t seed) {
  generator g(seed);
  auto truth = kind.make(4'000'000, g);
  double mean = 0;
  for (const double v : truth)
    mean += v / static_cast<double>(truth.size());
  sort_samples(truth);
  const double quantiles[] = {0.5, 0.9, 0.99};
  std::vector<double> hits(4);
  for (int i = 0; i < runs; ++i) {
    const auto x = kind.make(kind.n, g);
    auto sorted = x;
    std::sort(sorted.begin(), sorted.end());
    const double time = autocorrelation_time(x);
    const auto m = interval_of_dependent_mean(x, time);
    hits[0] += m.low <= mean && mean <= m.high;
    for (size_t k = 0; k < 3; ++k) {
      const double q = quantiles[k], t = percentile_of_sorted(truth, q);
      const auto d = dependence_of_indicator(x, percentile_of_sorted(sorted, q), q, time);
      const auto e = estimate_quantile(sorted, q, 0.95, d.effective, d.degrees);
      hits[k + 1] += e.low <= t && t <= e.high;
    }
  }
  for (auto& h : hits)
    h /= runs;
  return hits;
}

} // namespace

TEST_CASE("intervals cover the truth as often as they say: the table", "[.coverage]") {
  const auto seed = seed_of_runs();
  std::printf("%-14s %6s %7s %7s %7s %7s   of 1,000 runs, stated 95 %%, seed %llu\n", "traffic", "n", "mean", "p50", "p90",
              "p99", static_cast<unsigned long long>(seed));
  for (const auto& kind : kinds()) {
    const auto c = coverage(kind, 1000, seed);
    std::printf("%-14s %6zu %6.1f%% %6.1f%% %6.1f%% %6.1f%%\n", kind.name, kind.n, c[0] * 100, c[1] * 100, c[2] * 100,
                c[3] * 100);
    for (const double share : c) {
      CHECK(share >= 0.93);
      CHECK(share <= 0.97);
    }
  }
}
