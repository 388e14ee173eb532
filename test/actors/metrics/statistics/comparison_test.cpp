// comparison_test.cpp: Equal systems are not called different, different ones are, and pairs see what samples cannot.
#include <catch2/catch.hpp>

#include "actors/metrics/statistics/comparison.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

namespace {

load_records run_of(uint64_t seed, double ttft_ms, size_t n = 1000) {
  return test::closed_loop({.requests = n, .slots = 16, .seed = seed, .ttft_ms = ttft_ms});
}

metric_comparison metric(const comparison& c, const std::string& tag, const std::string& statistic) {
  for (const auto& m : c.metrics)
    if (m.metric == tag && m.statistic == statistic)
      return m;
  FAIL("no " << tag << ' ' << statistic);
  return {};
}

} // namespace

TEST_CASE("a TTFT that is a tenth longer is worse, the ITL beside it is the same") {
  const auto c = compare_runs({run_of(1, 100)}, {run_of(2, 110)}, {});
  const auto ttft = metric(c, "time_to_first_token", "mean");
  CHECK(ttft.verdict == change::worse);
  CHECK(ttft.ratio == Approx(1.1).epsilon(0.03));
  CHECK(ttft.low < 1.1);
  CHECK(ttft.high > 1.1);
  CHECK(metric(c, "inter_token_latency", "mean").verdict == change::same);
  CHECK(c.worse);
  const auto back = compare_runs({run_of(2, 110)}, {run_of(1, 100)}, {});
  CHECK(metric(back, "time_to_first_token", "mean").verdict == change::better);
  CHECK_FALSE(back.worse);
}

TEST_CASE("two runs of one system are rarely called different, whatever the metric") {
  int worse = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed)
    worse += compare_runs({run_of(seed, 100, 300)}, {run_of(seed + 1000, 100, 300)}, {}).worse;
  CHECK(worse <= 4); // 2.5 % of them with Holm's correction
}

TEST_CASE("the same requests on both sides are compared pair by pair, which sees a hundredth") {
  // Equal seeds: the same noise of the server on both sides, as one trace replayed.
  const auto paired = compare_runs({run_of(5, 100)}, {run_of(5, 101)}, {});
  CHECK(paired.paired_requests == 1000);
  auto a = run_of(5, 100), b = run_of(5, 101);
  const auto sharp = compare_runs({a}, {b}, {.summary = {}, .margin = 0.005});
  const auto ttft = metric(sharp, "time_to_first_token", "mean");
  CHECK(ttft.method == "paired requests");
  CHECK(ttft.ratio == Approx(1.01).epsilon(0.001));
  CHECK(ttft.verdict == change::worse);
  for (auto& r : b.requests)
    r.planned_isl += 1; // not the same requests
  const auto apart = compare_runs({a}, {b}, {.summary = {}, .margin = 0.005});
  CHECK(apart.paired_requests == 0);
  CHECK(metric(apart, "time_to_first_token", "mean").method == "independent samples");
  CHECK(metric(apart, "time_to_first_token", "mean").verdict == change::unclear);
}

TEST_CASE("with three runs on each side the runs are the unit: what differs from start to start is in the interval") {
  // Starts of the server differ by 10 %: four times the standard error of one run.
  std::vector<load_records> a, b;
  const double starts[] = {90, 100, 110};
  for (uint64_t i = 0; i < 3; ++i) {
    a.push_back(run_of(10 + i, starts[i]));
    b.push_back(run_of(20 + i, starts[i] * 1.05));
  }
  const auto c = compare_runs(a, b, {});
  const auto ttft = metric(c, "time_to_first_token", "mean");
  CHECK(ttft.method == "runs");
  CHECK(ttft.verdict == change::unclear);
  CHECK(ttft.high / ttft.low > 1.4);
  CHECK(compare_runs({a[0]}, {b[2]}, {}).worse); // a single pair of runs would have called it worse
}

TEST_CASE("Holm's correction is at least Bonferroni's first step, and falls nowhere") {
  const auto c = compare_runs({run_of(1, 100)}, {run_of(2, 103)}, {});
  for (const auto& m : c.metrics) {
    CHECK(m.p_corrected >= m.p);
    CHECK(m.p_corrected <= 1);
  }
}
