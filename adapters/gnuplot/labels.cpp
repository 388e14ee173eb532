// labels.cpp: A greedy search over places around each point.
#include "adapters/gnuplot/labels.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace sextant {

namespace {

constexpr double near_gap = 16;  // pixels between a point and its text

struct scored_box {
  pixel_box box;
  double cost = std::numeric_limits<double>::max();
  bool far = false;
};

// The text's box at a direction and distance: the edge towards the point touches the ray's end.
pixel_box box_at(const label_request& label, double angle, double distance) {
  const double dx = std::cos(angle), dy = std::sin(angle);
  const double centre_x = label.x + dx * (distance + label.width / 2);
  const double centre_y = label.y + dy * (distance + label.height / 2);
  return {centre_x - label.width / 2, centre_y - label.height / 2, centre_x + label.width / 2, centre_y + label.height / 2};
}

double outside(const pixel_box& box, const pixel_box& area) {
  double pixels = 0;
  for (const double over : {area.left - box.left, box.right - area.right, area.bottom - box.bottom, box.top - area.top})
    pixels += over > 0 ? over : 0;
  return pixels;
}

scored_box best_place(const label_request& label, const std::vector<pixel_box>& obstacles, const std::vector<pixel_box>& texts,
                      const pixel_box& area) {
  // Right first, then left, above, below, the diagonals: people look to the right of a point.
  static constexpr std::array<double, 8> eighths{0, 4, 2, 6, 1, 7, 3, 5};
  scored_box best;
  for (const double distance : {near_gap, near_gap * 2, near_gap * 4, near_gap * 6, near_gap * 9})
    for (size_t i = 0; i < eighths.size(); ++i) {
      scored_box trial;
      trial.box = box_at(label, eighths[i] * std::numbers::pi / 4, distance);
      trial.far = distance > near_gap * 2.5;
      trial.cost = distance / near_gap + 0.1 * static_cast<double>(i) + 5 * outside(trial.box, area);
      for (const auto& text : texts)
        trial.cost += trial.box.overlaps(text) ? 200 : 0;
      for (const auto& obstacle : obstacles)
        trial.cost += trial.box.overlaps(obstacle) ? 20 : 0;
      if (trial.cost < best.cost)
        best = trial;
    }
  return best;
}

} // namespace

std::vector<label_place> place_labels(const std::vector<label_request>& labels, const std::vector<pixel_box>& obstacles,
                                      const pixel_box& area) {
  std::vector<label_place> result;
  std::vector<pixel_box> texts;
  for (const auto& label : labels) {
    const auto best = best_place(label, obstacles, texts, area);
    texts.push_back(best.box);
    result.push_back({best.box.left, (best.box.top + best.box.bottom) / 2, best.far});
  }
  return result;
}

} // namespace sextant
