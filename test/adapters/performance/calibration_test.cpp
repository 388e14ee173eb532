#include <catch2/catch.hpp>
#include <cmath>

#include "adapters/performance/calibration.hpp"

using namespace sextant::performance;

namespace {

serving_estimate some() {
  serving_estimate e;
  e.ok = true;
  e.ttft_ms = {100, 70, 160};
  e.tpot_ms = {10, 8, 12.2};
  e.request_latency_ms = 100 + 10 * 99;
  e.output_tokens_per_s = 1000;
  return e;
}

calibration_point point(double concurrency, double ttft_ratio, double tpot_ratio) {
  return {concurrency, 1000, 100 * ttft_ratio, 10 * tpot_ratio, 100, 10};
}

} // namespace

TEST_CASE("without points nothing changes") {
  auto e = some();
  apply(calibrate({}), e, 8, 1000);
  CHECK(e.tpot_ms.value == 10);
  CHECK(e.tpot_ms.low == 8);
  CHECK(e.output_tokens_per_s == 1000);
}

TEST_CASE("a common factor is taken over, less than wholly, and the band shrinks") {
  auto e = some();
  apply(calibrate({point(4, 1.5, 1.3), point(16, 1.5, 1.3), point(64, 1.5, 1.3)}), e, 32, 1000);
  CHECK(e.tpot_ms.value > 12.5);
  CHECK(e.tpot_ms.value < 13.0);
  CHECK(e.ttft_ms.value > 140);
  CHECK(e.ttft_ms.value < 150);
  CHECK(e.tpot_ms.high / e.tpot_ms.low < 12.2 / 8);
  CHECK(e.output_tokens_per_s < 1000);
}

TEST_CASE("one odd point moves the prediction less than three that agree") {
  auto one = some(), three = some();
  apply(calibrate({point(16, 3, 1.3)}), one, 16, 1000);
  apply(calibrate({point(16, 3, 1.3), point(16, 3, 1.3), point(16, 3, 1.3)}), three, 16, 1000);
  CHECK(one.tpot_ms.value < three.tpot_ms.value);
  CHECK(one.ttft_ms.value < three.ttft_ms.value);
}

TEST_CASE("an error that grows with the load is followed, shrunk") {
  auto e = some();
  const auto c = calibrate({point(4, 1, 0.9), point(16, 1, 1.0), point(64, 1, 1.1)});
  CHECK(c.tpot.slope > 0.02);
  apply(c, e, 64, 1000);
  CHECK(e.tpot_ms.value > 10.2);
  CHECK(e.tpot_ms.value < 11);
}

TEST_CASE("points that were not measured count nothing") {
  CHECK(calibrate({point(4, 0, 0)}).tpot.level == 0);
}
