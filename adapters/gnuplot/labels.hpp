// labels.hpp: Places texts in a chart so that they cover neither points nor lines nor each other. Pure.
#pragma once

#include <string>
#include <vector>

namespace sextant {

/// A rectangle in pixels, y upwards.
struct pixel_box {
  double left = 0, bottom = 0, right = 0, top = 0;

  bool overlaps(const pixel_box& other) const {
    return left < other.right && other.left < right && bottom < other.top && other.bottom < top;
  }
};

/// A text that belongs to a point.
struct label_request {
  double x = 0; ///< pixel of the point
  double y = 0;
  double width = 0; ///< pixels of the text
  double height = 0;
  double gap = 16; ///< pixels to keep between point and text
};

/// Where a text came to stand: the middle of its left edge.
struct label_place {
  double x = 0;
  double y = 0;
  bool far = false; ///< so far away that a thin line must lead to its point
};

/// Chooses a place for every label, in order: near its point where that is free, else farther away with a leader line.
/// `obstacles` are points and pieces of lines; places outside `area` are avoided before all else.
std::vector<label_place> place_labels(const std::vector<label_request>& labels, const std::vector<pixel_box>& obstacles,
                                      const pixel_box& area);

/// Heights for texts in a column, each as near to its wish as the others allow, none closer than `distance`, all within
/// the bounds if there is room. Same order as the wishes.
std::vector<double> spread_column(const std::vector<double>& wishes, double distance, double bottom, double top);

/// Of several boxes the one that covers least.
pixel_box freest(const std::vector<pixel_box>& choices, const std::vector<pixel_box>& obstacles);

} // namespace sextant
