// speed_test.cpp: How long the summary of a million requests takes. Noisy, so it runs by hand only:
// `test_actors_metrics_statistics "[.speed]" -s`.
#include <chrono>
#include <cstdio>
#include <ctime>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/summarise.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

TEST_CASE("a million requests of ten tokens: seconds to the summary", "[.speed]") {
  test::loop_shape shape;
  shape.requests = 1'000'000;
  shape.slots = 256;
  const auto run = test::closed_loop(shape);
  summary_options options;
  options.goodput = {{{"time_to_first_token", 200}}};
  options.limits = {{{"time_to_first_token", 300}, 0.99}};
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  const auto summary = summarise_load(run, options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double cpu_s = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  std::printf("summary of %zu requests: %.2f s, %.2f s of CPU\n", run.requests.size(), took.count(), cpu_s);
  CHECK(summary.valid == run.requests.size());
  CHECK(took.count() < 5);
}
