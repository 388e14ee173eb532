// plot.hpp: Charts as plain values, drawn as PNG files by one gnuplot process.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sextant {

/// One measured value, with its interval where there is one (low == high: none).
struct chart_point {
  double x = 0;
  double y = 0;
  double x_low = 0, x_high = 0;
  double y_low = 0, y_high = 0;
  bool hollow = false; ///< drawn as an outline: measured, but misses the target
  bool chosen = false; ///< ringed and labelled in bold
  std::string label;   ///< beside the point; may be empty
};

/// Points of one kind.
struct chart_series {
  std::string label;  ///< written at the last point, in a dark shade of the series' colour; may be empty
  std::string colour; ///< `#rrggbb`
  int shape = 0;      ///< index into the marker shapes
  bool line = true;
  bool dots = true;
  bool dashed = false;
  std::vector<chart_point> points;
};

/// A target: a dashed line, and the side of it that misses the target shaded.
struct chart_limit {
  bool on_x = true; ///< a value of the x axis
  double value = 0;
  std::string label;
  bool bad_above = true; ///< values above miss the target
  bool shaded = true;    ///< false: only a mark, nothing is missed
};

/// A chart. All texts are taken literally.
struct chart {
  std::string title;
  std::string subtitle;
  std::string x_label;
  std::string y_label;
  bool x_percent = false;       ///< x is a share, shown in percent
  bool linear_x = false;        ///< x is time or the like: never logarithmic, however far it reaches
  bool log_y = false;           ///< y may be logarithmic; a linear y axis starts at zero
  bool labels_at_right = false; ///< series labels stand in a column beside the plot instead of within
  std::vector<chart_series> series;
  std::vector<chart_limit> limits;
  std::vector<std::string> notes; ///< lines in a corner, e.g. what an outline means
  std::string empty_text = "nothing was measured";
};

/// What a chart is drawn as: pixels for files that people hand on, or strokes for pages, which cost a twentieth of the time.
enum class picture_kind : uint8_t { png, svg };

/// The gnuplot script that draws a chart into a file. Pure.
std::string chart_script(const chart& what, const std::string& path, picture_kind kind = picture_kind::png);

/// Runs one gnuplot process over a script. Returns an error text, or nothing. Blocks; thread-safe.
std::string run_gnuplot(const std::string& script, double timeout_s);

} // namespace sextant
