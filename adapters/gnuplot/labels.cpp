// labels.cpp: A greedy search over places around each point.
#include "adapters/gnuplot/labels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace sextant {

namespace {

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

// Pieces of the thin line between a text and its point.
std::vector<pixel_box> leader_of(const label_request& label, const pixel_box& box) {
  const double end_x = std::clamp(label.x, box.left, box.right), end_y = std::clamp(label.y, box.bottom, box.top);
  std::vector<pixel_box> pieces;
  constexpr int steps = 12;
  for (int i = 0; i < steps; ++i) {
    const double x = label.x + (end_x - label.x) * i / steps, y = label.y + (end_y - label.y) * i / steps;
    pieces.push_back({x - 5, y - 5, x + 5, y + 5});
  }
  return pieces;
}

bool crosses(const std::vector<pixel_box>& leader, const std::vector<pixel_box>& texts) {
  return std::any_of(leader.begin(), leader.end(), [&](const pixel_box& piece) {
    return std::any_of(texts.begin(), texts.end(), [&](const pixel_box& text) { return piece.overlaps(text); });
  });
}

scored_box best_place(const label_request& label, const std::vector<pixel_box>& obstacles,
                      const std::vector<pixel_box>& texts, const pixel_box& area) {
  // Right first, then left, above, below, the diagonals: people look to the right of a point.
  static constexpr std::array<double, 16> eighths{0, 4, 2, 6, 1, 7, 3, 5, 0.5, 7.5, 3.5, 4.5, 1.5, 6.5, 2.5, 5.5};
  scored_box best;
  for (const double more : {0.0, 16.0, 40.0, 70.0, 110.0, 160.0, 220.0})
    for (size_t i = 0; i < eighths.size(); ++i) {
      scored_box trial;
      trial.box = box_at(label, eighths[i] * std::numbers::pi / 4, label.gap + more);
      trial.far = more > 20;
      trial.cost = more / 8 + 0.1 * static_cast<double>(i) + 50 * outside(trial.box, area);
      for (const auto& text : texts)
        trial.cost += trial.box.overlaps(text) ? 200 : 0;
      for (const auto& obstacle : obstacles)
        trial.cost += trial.box.overlaps(obstacle) ? 20 : 0;
      if (trial.far && crosses(leader_of(label, trial.box), texts))
        trial.cost += 60;
      if (trial.cost < best.cost)
        best = trial;
    }
  return best;
}

} // namespace

std::vector<label_place> place_labels(const std::vector<label_request>& labels, const std::vector<pixel_box>& obstacles,
                                      const pixel_box& area) {
  std::vector<label_place> result;
  std::vector<pixel_box> texts, occupied = obstacles;
  for (const auto& label : labels) {
    const auto best = best_place(label, occupied, texts, area);
    texts.push_back(best.box);
    if (best.far)
      for (const auto& piece : leader_of(label, best.box))
        occupied.push_back(piece);
    result.push_back({best.box.left, (best.box.top + best.box.bottom) / 2, best.far});
  }
  return result;
}

std::vector<double> spread_column(const std::vector<double>& wishes, double distance, double bottom, double top) {
  std::vector<size_t> order(wishes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return wishes[a] < wishes[b]; });
  std::vector<double> result(wishes);
  // Up from below, then down from above: after the second pass nothing is too close unless the column is too short.
  double least = bottom;
  for (const size_t i : order) {
    result[i] = std::max(result[i], least);
    least = result[i] + distance;
  }
  double most = top;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    result[*i] = std::min(result[*i], most);
    most = result[*i] - distance;
  }
  return result;
}

pixel_box freest(const std::vector<pixel_box>& choices, const std::vector<pixel_box>& obstacles) {
  pixel_box best;
  auto least = std::numeric_limits<std::ptrdiff_t>::max();
  for (const auto& choice : choices) {
    const auto covered =
        std::count_if(obstacles.begin(), obstacles.end(), [&](const pixel_box& o) { return o.overlaps(choice); });
    if (covered < least) {
      least = covered;
      best = choice;
    }
  }
  return best;
}

} // namespace sextant
