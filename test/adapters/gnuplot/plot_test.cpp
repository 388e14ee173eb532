// plot_test.cpp: Axes, labels, escaping, and the process around gnuplot.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "adapters/gnuplot/axis.hpp"
#include "adapters/gnuplot/labels.hpp"
#include "adapters/gnuplot/plot.hpp"

using namespace sextant;

namespace {

std::string temporary_png() {
  return (std::filesystem::temp_directory_path() / ("sextant_plot_test_" + std::to_string(::getpid()) + ".png")).string();
}

chart small_chart() {
  chart c;
  c.title = "It's `a` 100 % {title} @home\nnext";
  c.subtitle = "a_b^c";
  c.x_label = "x";
  c.y_label = "y";
  chart_series s;
  s.label = "quote ' and % sign";
  s.colour = "#0072B2";
  for (const double x : {1.0, 2.0, 3.0}) {
    chart_point p;
    p.x = x;
    p.y = x * x;
    p.chosen = x == 2.0;
    p.hollow = x == 3.0;
    s.points.push_back(p);
  }
  c.series.push_back(s);
  c.limits.push_back({true, 2.5, "Target: 2.5 ms", true});
  return c;
}

} // namespace

TEST_CASE("axes show all values and start at zero on request") {
  const auto linear = fit_axis({10, 50}, true, true);
  CHECK_FALSE(linear.logarithmic);
  CHECK(linear.from == 0);
  CHECK(linear.to > 50);
  const auto wide = fit_axis({1, 100}, true, true);
  CHECK(wide.logarithmic);
  CHECK(wide.from < 1);
  CHECK(wide.to > 100);
  CHECK_FALSE(fit_axis({0, 100}, true, false).logarithmic);
  const auto single = fit_axis({5}, false, false);
  CHECK(single.from < 5);
  CHECK(single.to > 5);
  CHECK(fit_axis({0}, false, false).to > 0);
}

TEST_CASE("ticks are round, ascending, within the axis, and neither few nor many") {
  for (const auto& values :
       std::vector<std::vector<double>>{{3, 7}, {0.001, 0.0012}, {85, 461}, {1, 40}, {100, 40436}, {1, 1e7}, {0, 1}, {5}}) {
    const auto axis = fit_axis(values, true, false);
    const auto ticks = tick_values(axis);
    INFO(values.front() << " to " << values.back());
    CHECK(ticks.size() >= 3);
    CHECK(ticks.size() <= 10);
    CHECK(std::is_sorted(ticks.begin(), ticks.end()));
    CHECK(ticks.front() >= axis.from * 0.998);
    CHECK(ticks.back() <= axis.to * 1.002);
  }
  CHECK(tick_text(12500) == "12 500");
  CHECK(tick_text(5000) == "5000");
  CHECK(tick_text(0.25) == "0.25");
  CHECK(tick_text(-0.0) == "0");
}

TEST_CASE("labels of close points neither overlap nor leave the plot") {
  const pixel_box area{0, 0, 1000, 600};
  std::vector<label_request> labels;
  std::vector<pixel_box> obstacles;
  for (int i = 0; i < 8; ++i) {
    const double x = 900 + 5 * i, y = 300 + 9 * i;
    labels.push_back({x, y, 180, 30});
    obstacles.push_back({x - 10, y - 10, x + 10, y + 10});
  }
  const auto places = place_labels(labels, obstacles, area);
  std::vector<pixel_box> boxes;
  for (size_t i = 0; i < places.size(); ++i)
    boxes.push_back({places[i].x, places[i].y - 15, places[i].x + 180, places[i].y + 15});
  for (size_t i = 0; i < boxes.size(); ++i) {
    CHECK(boxes[i].left >= 0);
    CHECK(boxes[i].right <= 1000);
    for (size_t k = i + 1; k < boxes.size(); ++k)
      CHECK_FALSE(boxes[i].overlaps(boxes[k]));
  }
}

TEST_CASE("a column keeps its distances and its order") {
  const auto heights = spread_column({100, 101, 102, 500, 99}, 20, 0, 510);
  CHECK(heights[4] < heights[0]);
  for (const auto& [low, high] : {std::pair{4, 0}, {0, 1}, {1, 2}, {2, 3}})
    CHECK(heights[static_cast<size_t>(high)] - heights[static_cast<size_t>(low)] >= 19.999);
  const auto crowded = spread_column({505, 506, 507}, 20, 0, 510);
  CHECK(crowded[2] == 510);
  CHECK(crowded[0] == 470);
}

TEST_CASE("a chart with every kind of text is drawn") {
  const auto path = temporary_png();
  REQUIRE(run_gnuplot(chart_script(small_chart(), path), 30) == "");
  std::ifstream file{path, std::ios::binary};
  char magic[8] = {};
  file.read(magic, sizeof magic);
  CHECK(std::string(magic + 1, 3) == "PNG");
  std::filesystem::remove(path);
}

TEST_CASE("a chart without points says so and is drawn") {
  chart c;
  c.title = "empty";
  c.series.emplace_back();
  c.limits.push_back({true, 10, "Target", true});
  const auto path = temporary_png();
  const auto script = chart_script(c, path);
  CHECK(script.find("nothing was measured") != std::string::npos);
  CHECK(run_gnuplot(script, 30) == "");
  std::filesystem::remove(path);
}

TEST_CASE("what gnuplot complains about comes back") {
  const auto error = run_gnuplot("plot 'no such file'\nnonsense here\n", 30);
  CHECK(error.find("gnuplot failed") != std::string::npos);
}

TEST_CASE("a process that does not end is ended") {
  CHECK(run_gnuplot("pause 60\n", 0.1).find("within") != std::string::npos);
}
