#include "actors/sidecar/drift.hpp"

#include <cmath>
#include <random>

#include <catch2/catch.hpp>

using namespace sextant;
using namespace sextant::sidecar;

namespace {

/// Windows around a level, with noise of a share of it.
std::vector<drift_sample> windows(std::mt19937& random, int count, double ratio, double noise) {
  std::normal_distribution<double> jitter{0, noise};
  std::vector<drift_sample> out;
  for (int i = 0; i < count; ++i)
    out.push_back({"t" + std::to_string(i), std::log(ratio) + jitter(random)});
  return out;
}

std::vector<drift_sample> joined(std::vector<drift_sample> a, const std::vector<drift_sample>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

serving_observed window(double ttft, double expected, const std::string& at, double requests = 100) {
  serving_observed w;
  w.at = at;
  w.requests = requests;
  w.tokens = 1000;
  w.ttft_ms = ttft;
  w.expected_ttft_ms = expected;
  return w;
}

} // namespace

TEST_CASE("a step is found where it happened, with how much and how sure") {
  std::mt19937 random{7};
  for (const double step : {1.5, 0.7}) {
    const auto judged = judge_drift(joined(windows(random, 60, 1, 0.05), windows(random, 20, step, 0.05)), 0.1);
    CHECK(judged.drifted);
    CHECK(judged.first >= 58);
    CHECK(judged.first <= 62);
    CHECK(judged.ratio == Approx(step).epsilon(0.05));
    CHECK(judged.low < step);
    CHECK(judged.high > step);
  }
}

TEST_CASE("of several levels the last one counts") {
  std::mt19937 random{11};
  const auto levels =
      joined(joined(windows(random, 40, 1, 0.03), windows(random, 40, 1.6, 0.03)), windows(random, 30, 1.02, 0.03));
  const auto judged = judge_drift(levels, 0.1);
  CHECK_FALSE(judged.drifted);
  CHECK(judged.first >= 78);
  CHECK(judged.first <= 82);
}

TEST_CASE("intervals hold the true level about as often as they say, and quiet deployments are left alone") {
  std::mt19937 random{3};
  int held = 0, alarms = 0;
  constexpr int runs = 400;
  for (int i = 0; i < runs; ++i) {
    const auto judged = judge_drift(windows(random, 30, 1, 0.08), 0.1);
    held += judged.low <= 1 && judged.high >= 1;
    alarms += judged.drifted;
  }
  CHECK(held >= runs * 88 / 100);
  CHECK(alarms <= runs * 2 / 100);
}

TEST_CASE("a constant offset is a drift since the first window, a small one none") {
  std::vector<drift_sample> same(10, {"t0", std::log(1.3)});
  const auto judged = judge_drift(same, 0.1);
  CHECK(judged.drifted);
  CHECK(judged.first == 0);
  CHECK(judged.ratio == Approx(1.3));
  for (auto& s : same)
    s.log_ratio = std::log(1.05);
  CHECK_FALSE(judge_drift(same, 0.1).drifted);
}

TEST_CASE("too few windows tell nothing") {
  CHECK(judge_drift({}, 0.1).windows == 0);
  const auto judged = judge_drift({{"a", 1}, {"b", 1}, {"c", 1}}, 0.1);
  CHECK(judged.windows == 3);
  CHECK(judged.high == 0);
  CHECK_FALSE(judged.drifted);
}

TEST_CASE("a watch leaves thin windows out and tells only what is new") {
  drift_watch watch{phase::prefill, 0.1};
  CHECK_FALSE(watch.news());
  for (int i = 0; i < 20; ++i) {
    watch.add(window(102 + i % 3, 100, "a" + std::to_string(i)));
    watch.add(window(500, 100, "thin", 2));
    watch.add(window(500, 0, "unknown"));
  }
  const auto first = watch.news();
  REQUIRE(first);
  CHECK_FALSE(first->drifted);
  CHECK(first->windows == 20);
  CHECK_FALSE(watch.news());
  for (int i = 0; i < 8; ++i)
    watch.add(window(150 + i % 3, 100, "b" + std::to_string(i)));
  const auto second = watch.news();
  REQUIRE(second);
  CHECK(second->drifted);
  CHECK(second->since == "b0");
  CHECK(second->text.find("1.5") != std::string::npos);
  CHECK_FALSE(watch.news());
}
