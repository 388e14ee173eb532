// speed_test.cpp: How long the summary of a million requests takes. Noisy, so it runs by hand only:
// `test_actors_metrics_statistics "[.speed]" -s`.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/summarise.hpp"

using namespace sextant;
using namespace sextant::statistics;

namespace {

/// 256 slots that each ask again when they are answered; log-normal TTFT around 100 ms and gaps around 10 ms.
load_records closed_loop(size_t requests, size_t tokens) {
  load_records run;
  run.facts.streaming = true;
  run.facts.concurrency = 256;
  run.facts.osl = static_cast<double>(tokens);
  std::mt19937_64 random(11);
  std::normal_distribution<double> noise;
  std::vector<int64_t> free_at(256);
  run.requests.resize(requests);
  for (size_t i = 0; i < requests; ++i) {
    auto& r = run.requests[i];
    auto& slot = free_at[i % free_at.size()];
    r.index = static_cast<uint32_t>(i);
    r.status = 200;
    r.intended_ns = r.queued_ns = slot + 1;
    r.sent_ns = slot + 20'000;
    r.planned_isl = r.input_tokens = 512;
    r.planned_osl = r.usage_tokens = static_cast<uint32_t>(tokens);
    int64_t now = r.sent_ns + static_cast<int64_t>(1e8 * std::exp(0.3 * noise(random)));
    r.first_byte_ns = now - 1000;
    for (size_t t = 0; t < tokens; ++t, now += static_cast<int64_t>(1e7 * std::exp(0.1 * noise(random))))
      r.token_ns.push_back(now);
    slot = r.ended_ns = r.token_ns.back() + 5'000;
  }
  return run;
}

} // namespace

TEST_CASE("a million requests of ten tokens: seconds to the summary", "[.speed]") {
  const auto run = closed_loop(1'000'000, 10);
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
