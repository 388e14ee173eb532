#include "actors/search/planner_view.hpp"

#include <catch2/catch.hpp>

using namespace sextant;
using namespace sextant::searching;

namespace {

/// A curve of eight points over a long context, of an engine whose attention grows with the square of the length.
const std::vector<double> lengths{100, 439, 1929, 3000, 8469, 37192, 77939, 163328};
const std::vector<double> throughputs{2945, 7534, 7827, 7717, 7086, 4856, 3332, 2026};
const std::vector<double> ttfts{34.0, 58.3, 246.5, 388.7, 1195.2, 7659.1, 23391.5, 80616.7};

std::vector<prefill_sample> curve_of(size_t points) {
  std::vector<prefill_sample> curve;
  for (size_t i = 0; i < points; ++i)
    curve.push_back({static_cast<int>(lengths[i]), ttfts[i], throughputs[i]});
  return curve;
}

} // namespace

TEST_CASE("the cubic is that of scipy's interp1d") {
  const cubic_curve long_curve{lengths, throughputs};
  const std::pair<double, double> expected[] = {{100, 2945.0},
                                                {250, 5330.570051778785},
                                                {1000, 9984.59383343244},
                                                {2500, 7381.671184762823},
                                                {5000, 8401.041352998382},
                                                {20000, 3987.074014488069},
                                                {60000, 4958.690231196225},
                                                {100000, 617.2022335348909},
                                                {140000, -1488.2184132970192},
                                                {163328, 2026.0}};
  for (const auto& [x, y] : expected)
    CHECK(long_curve(x) == Approx(y).epsilon(1e-9));
  const cubic_curve four{{1, 2, 4, 8}, {3, 1, 2, 7}};
  CHECK(four(1.5) == Approx(1.7284226190476186));
  CHECK(four(3) == Approx(0.8690476190476188));
  CHECK(four(7) == Approx(6.892857142857142));
}

TEST_CASE("a cubic through points of a cubic is that cubic") {
  const auto f = [](double x) { return 2 - 3 * x + 0.5 * x * x - 0.01 * x * x * x; };
  std::vector<double> x{0, 1, 3, 4, 9, 15}, y;
  for (double at : x)
    y.push_back(f(at));
  const cubic_curve curve{x, y};
  for (double at = 0; at <= 15; at += 0.25)
    CHECK(curve(at) == Approx(f(at)).margin(1e-9));
}

TEST_CASE("the line is that of least squares") {
  const auto line = fit_line(lengths, ttfts);
  CHECK(line.slope == Approx(0.473198577).epsilon(1e-6));
  CHECK(line.intercept == Approx(-3096.4214).epsilon(1e-6));
}

TEST_CASE("curves that a planner misreads between their points are named, each with its place") {
  const auto whole = prefill_misreadings(curve_of(8), 3000);
  REQUIRE(whole.size() == 3);
  CHECK(whole[0].find("cubic, which is negative near ISL") != std::string::npos);
  CHECK(whole[1].find("% off at ISL") != std::string::npos);
  CHECK(whole[2].find("not above zero up to ISL 6544") != std::string::npos);
  // The same engine up to about three times the target's length.
  CHECK(prefill_misreadings(curve_of(5), 3000).empty());
  CHECK(prefill_misreadings(curve_of(3), 3000).empty());
}
