// chart_script.cpp: A chart as gnuplot commands. Geometry is fixed in pixels, so that labels can be placed beforehand.
#include "adapters/gnuplot/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "adapters/gnuplot/axis.hpp"
#include "adapters/gnuplot/labels.hpp"

namespace sextant {

namespace {

constexpr double width = 1800, height = 1125; // pixels
constexpr double left = 190, bottom = 160, top = 150;
constexpr double right_narrow = 60, right_wide = 290;               // the wide one holds a column of labels
constexpr double label_size = 19, small_size = 17, title_size = 28; // font points
constexpr double pixels_per_point_size = 0.80;                      // mean width of a letter, per point of font size
constexpr double line_height = 1.7;                                 // of a text, per point of font size

std::string number(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.10g", value);
  return buffer;
}

// gnuplot takes single-quoted texts literally; a quote is doubled.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20)
      out += ' ';
    else
      out += c;
    if (c == '\'')
      out += c;
  }
  return out + "'";
}

size_t letters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string font(double size, bool bold = false) {
  return std::string{" font '"} + (bold ? "DejaVu Sans Bold" : "DejaVu Sans") + "," + number(size) + "'";
}

std::string at_pixel(double x, double y) {
  return " at screen " + number(x / width) + ", screen " + number(y / height);
}

std::string label(std::string_view text, double x, double y, std::string_view style) {
  return "set label " + quoted(text) + at_pixel(x, y) + " noenhanced " + std::string{style} + "\n";
}

// -- geometry ---------------------------------------------------------------------------------------

struct layout {
  chart_axis x, y;
  std::vector<label_request> wanted;
  std::vector<std::string> texts, styles;
  std::vector<pixel_box> obstacles;

  pixel_box area() const { return {x.pixel_from + 6, y.pixel_from + 6, x.pixel_to, y.pixel_to - 4}; }
};

double right_margin(const chart& what) {
  return what.labels_at_right ? right_wide : right_narrow;
}

double text_width(std::string_view text, double size, bool bold = false) {
  return static_cast<double>(letters(text)) * size * pixels_per_point_size * (bold ? 1.1 : 1.0);
}

// Text needs more contrast than dots do.
std::string darker(const std::string& colour) {
  unsigned rgb = 0;
  if (std::sscanf(colour.c_str(), "#%6x", &rgb) != 1)
    return colour;
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "#%02x%02x%02x", (rgb >> 16 & 255) * 3 / 4, (rgb >> 8 & 255) * 3 / 4,
                (rgb & 255) * 3 / 4);
  return buffer;
}

void add_obstacle(layout& l, double x, double y, double half) {
  l.obstacles.push_back({x - half, y - half, x + half, y + half});
}

void add_line_obstacles(layout& l, const chart_series& s) {
  for (size_t i = 1; i < s.points.size(); ++i) {
    const double x0 = l.x.pixel(s.points[i - 1].x), y0 = l.y.pixel(s.points[i - 1].y);
    const double x1 = l.x.pixel(s.points[i].x), y1 = l.y.pixel(s.points[i].y);
    const int steps = std::clamp(static_cast<int>(std::hypot(x1 - x0, y1 - y0) / 12), 1, 200);
    for (int k = 0; k < steps; ++k)
      add_obstacle(l, x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps, 4);
  }
}

void add_point_obstacles(layout& l, const chart_point& p) {
  const double x = l.x.pixel(p.x), y = l.y.pixel(p.y);
  const double half = p.chosen ? 24 : 12;
  l.obstacles.push_back({x - half, y - half, x + half, y + half});
  if (p.x_high > p.x_low)
    l.obstacles.push_back({l.x.pixel(p.x_low) - 4, y - 8, l.x.pixel(p.x_high) + 4, y + 8});
  if (p.y_high > p.y_low)
    l.obstacles.push_back({x - 8, l.y.pixel(p.y_low) - 4, x + 8, l.y.pixel(p.y_high) + 4});
}

void add_limit_obstacles(layout& l, const chart_limit& limit) {
  const double pixel = (limit.on_x ? l.x : l.y).pixel(limit.value);
  if (limit.on_x)
    l.obstacles.push_back({pixel - 3, l.y.pixel_from, pixel + 3, l.y.pixel_to});
  else
    l.obstacles.push_back({l.x.pixel_from, pixel - 3, l.x.pixel_to, pixel + 3});
}

void want_label(layout& l, const chart_point& p, std::string text, const std::string& colour, bool bold) {
  const double size = bold ? label_size * 1.06 : label_size;
  label_request request{l.x.pixel(p.x), l.y.pixel(p.y), text_width(text, size, bold), size * line_height};
  if (p.x_high > p.x_low)
    request.gap = std::max(request.gap, l.x.pixel(p.x_high) - l.x.pixel(p.x) + 8);
  if (p.chosen)
    request.gap = std::max(request.gap, 27.0);
  l.wanted.push_back(request);
  l.texts.push_back(std::move(text));
  l.styles.push_back("textcolor rgb '" + darker(colour) + "'" + font(size, bold));
}

chart_axis axis_of(const chart& what, bool x) {
  std::vector<double> values;
  for (const auto& s : what.series)
    for (const auto& p : s.points) {
      values.push_back(x ? p.x : p.y);
      if (x ? p.x_high > p.x_low : p.y_high > p.y_low) {
        values.push_back(x ? p.x_low : p.y_low);
        values.push_back(x ? p.x_high : p.y_high);
      }
    }
  if (!values.empty())
    for (const auto& limit : what.limits)
      if (limit.on_x == x)
        values.push_back(limit.value);
  auto axis = fit_axis(values, x ? !what.x_percent && !what.linear_x : what.log_y, !x || what.x_percent);
  axis.pixel_from = x ? left : bottom;
  axis.pixel_to = x ? width - right_margin(what) : height - top;
  return axis;
}

layout lay_out(const chart& what) {
  layout l;
  l.x = axis_of(what, true);
  l.y = axis_of(what, false);
  for (const auto& s : what.series) {
    if (s.line)
      add_line_obstacles(l, s);
    if (s.dots)
      for (const auto& p : s.points)
        add_point_obstacles(l, p);
  }
  for (const auto& limit : what.limits)
    add_limit_obstacles(l, limit);
  // Chosen points first: they take the best places.
  for (const bool chosen : {true, false})
    for (const auto& s : what.series)
      for (const auto& p : s.points)
        if (p.chosen == chosen && !p.label.empty())
          want_label(l, p, p.label, s.colour, chosen);
  for (const auto& s : what.series)
    if (!s.label.empty() && !s.points.empty() && !what.labels_at_right)
      want_label(l, s.points.back(), s.label, s.colour, false);
  return l;
}

// -- parts of the script ----------------------------------------------------------------------------

std::string frame_script(const chart& what, const std::string& path, picture_kind kind) {
  std::string out = "reset\nset encoding utf8\nset terminal " + std::string{kind == picture_kind::png ? "pngcairo" : "svg"}
                    + " size " + number(width) + "," + number(height) + " linewidth 2" + font(small_size) + "\nset output "
                    + quoted(path) + "\n";
  out += "set lmargin at screen " + number(left / width) + "\nset rmargin at screen "
         + number(1 - right_margin(what) / width) + "\n";
  out += "set bmargin at screen " + number(bottom / height) + "\nset tmargin at screen " + number(1 - top / height) + "\n";
  out += "unset key\nset tics nomirror out textcolor rgb '#444444'\nset border 3 lc rgb '#888888' lw 0.8\n";
  out += "set grid back lt 1 lw 0.5 lc rgb '#dddddd'\n";
  out += label(what.title, left, height - 50, "left textcolor rgb '#111111'" + font(title_size, true));
  out += label(what.subtitle, left, height - 96, "left textcolor rgb '#666666'" + font(small_size));
  out += "set xlabel " + quoted(what.x_label) + " noenhanced offset 0,-0.3" + font(label_size + 1) + "\n";
  out += "set ylabel " + quoted(what.y_label) + " noenhanced offset -1,0" + font(label_size + 1) + "\n";
  return out;
}

// Texts of tics are formats: a percent sign is doubled.
std::string axis_script(const chart_axis& axis, char name, bool percent) {
  const std::string letter(1, name);
  std::string out = axis.logarithmic ? "set logscale " + letter + "\n" : "";
  out += "set " + letter + "range [" + number(axis.from) + ":" + number(axis.to) + "]\nset " + letter + "tics (";
  bool first = true;
  for (const double value : tick_values(axis)) {
    out += (first ? "" : ", ") + quoted(percent ? tick_text(value * 100) + " %%" : tick_text(value)) + " " + number(value);
    first = false;
  }
  return out + ")\n";
}

// Shades the side that misses the target and writes the target at the line's end, inside the shade.
std::string limit_script(const chart_limit& limit, layout& l) {
  const auto& axis = limit.on_x ? l.x : l.y;
  const auto value = number(limit.value);
  const std::string low = limit.bad_above ? "first " + value : "graph 0",
                    high = limit.bad_above ? "graph 1" : "first " + value;
  const std::string line_colour = limit.shaded ? "#B23A00" : "#777777";
  const std::string shade = " back fillcolor rgb '#D55E00' fillstyle solid 0.09 noborder\n";
  const std::string line = " nohead back dashtype 2 lw 1.4 lc rgb '" + line_colour + "'\n";
  std::string out;
  if (limit.on_x) {
    if (limit.shaded)
      out += "set object rectangle from " + low + ", graph 0 to " + high + ", graph 1" + shade;
    out += "set arrow from first " + value + ", graph 0 to first " + value + ", graph 1" + line;
  } else {
    if (limit.shaded)
      out += "set object rectangle from graph 0, " + low + " to graph 1, " + high + shade;
    out += "set arrow from graph 0, first " + value + " to graph 1, first " + value + line;
  }
  const double pixel = axis.pixel(limit.value);
  const std::string style = "left front textcolor rgb '" + line_colour + "'" + font(small_size);
  const double length = text_width(limit.label, small_size) + 12;
  if (limit.on_x) {
    const double at = std::clamp(pixel - length / 2, left, std::max(left, l.x.pixel_to - length));
    return out + label(limit.label, at + 6, l.y.pixel_to + 18, style);
  }
  // Along the line, where it covers least, in the shade if possible.
  std::vector<pixel_box> choices;
  const double half = small_size * line_height / 2;
  for (const double above : limit.bad_above ? std::array{1.0, -1.0} : std::array{-1.0, 1.0})
    for (const double share : {1.0, 0.0, 0.75, 0.25, 0.5}) {
      const double from = l.x.pixel_from + 8 + share * (l.x.pixel_to - l.x.pixel_from - length - 16);
      const double middle = pixel + above * (half + 5);
      choices.push_back({from, middle - half, from + length, middle + half});
    }
  const auto box = freest(choices, l.obstacles);
  l.obstacles.push_back(box);
  return out + label(limit.label, box.left + 4, (box.bottom + box.top) / 2, style);
}

std::string data_block(const std::string& name, const chart_series& s, bool hollow_only, bool chosen_only) {
  std::string out = name + " << EOD\n";
  for (const auto& p : s.points) {
    if ((hollow_only && !p.hollow) || (chosen_only && !p.chosen))
      continue;
    const bool x_bar = p.x_high > p.x_low, y_bar = p.y_high > p.y_low;
    out += number(p.x) + " " + number(p.y) + " " + number(x_bar ? p.x_low : p.x) + " " + number(x_bar ? p.x_high : p.x) + " "
           + number(y_bar ? p.y_low : p.y) + " " + number(y_bar ? p.y_high : p.y) + "\n";
  }
  return out + "EOD\n";
}

bool any_of(const chart_series& s, bool chart_point::*flag) {
  return std::any_of(s.points.begin(), s.points.end(), [flag](const chart_point& p) { return p.*flag; });
}

// Filled shapes: circle, square, triangle, diamond, triangle down.
constexpr std::array<int, 5> shapes{7, 5, 9, 13, 11};

void series_script(const chart_series& s, size_t index, std::string& blocks, std::vector<std::string>& plots) {
  const auto name = "$s" + std::to_string(index);
  const auto colour = " lc rgb '" + s.colour + "'";
  const auto shape = " pt " + std::to_string(shapes[static_cast<size_t>(s.shape) % shapes.size()]);
  blocks += data_block(name, s, false, false);
  if (s.line && s.points.size() > 1)
    plots.push_back(name + " using 1:2 with lines lw 1.8" + (s.dashed ? " dashtype 3" : " dashtype 1") + colour);
  if (!s.dots)
    return;
  plots.push_back(name + " using 1:2:3:4:5:6 with xyerrorbars pt 0 lw 1 dashtype 1" + colour);
  plots.push_back(name + " using 1:2 with points ps 2.1" + shape + colour);
  if (any_of(s, &chart_point::hollow)) {
    blocks += data_block(name + "h", s, true, false);
    plots.push_back(name + "h using 1:2 with points ps 1.2" + shape + " lc rgb '#ffffff'");
  }
  if (any_of(s, &chart_point::chosen)) {
    blocks += data_block(name + "c", s, false, true);
    plots.push_back(name + "c using 1:2 with points ps 4.6 pt 6 lw 1.8 lc rgb '#111111'");
  }
}

std::string leader(double x0, double y0, double x1, double y1) {
  return "set arrow from screen " + number(x0 / width) + ", screen " + number(y0 / height) + " to screen "
         + number(x1 / width) + ", screen " + number(y1 / height) + " nohead front lw 0.6 lc rgb '#999999'\n";
}

std::string labels_script(const layout& l) {
  const auto places = place_labels(l.wanted, l.obstacles, l.area());
  std::string out;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& w = l.wanted[i];
    const auto& place = places[i];
    out += label(l.texts[i], place.x, place.y, "left front " + l.styles[i]);
    if (place.far)
      out += leader(w.x, w.y, std::clamp(w.x, place.x, place.x + w.width),
                    std::clamp(w.y, place.y - w.height / 2, place.y + w.height / 2));
  }
  return out;
}

// The series' names beside the plot, level with their last points as far as they do not crowd.
std::string column_script(const chart& what, const layout& l) {
  if (!what.labels_at_right)
    return {};
  std::vector<const chart_series*> named;
  std::vector<double> wishes;
  for (const auto& s : what.series)
    if (!s.label.empty() && !s.points.empty()) {
      named.push_back(&s);
      wishes.push_back(l.y.pixel(s.points.back().y));
    }
  const auto heights = spread_column(wishes, small_size * line_height, l.y.pixel_from, l.y.pixel_to);
  std::string out;
  for (size_t i = 0; i < named.size(); ++i) {
    const double column = l.x.pixel_to + 40;
    out += label(named[i]->label, column, heights[i],
                 "left front textcolor rgb '" + darker(named[i]->colour) + "'" + font(small_size));
    out += leader(l.x.pixel(named[i]->points.back().x) + 14, wishes[i], column - 8, heights[i]);
  }
  return out;
}

bool is_empty(const chart& what) {
  return std::all_of(what.series.begin(), what.series.end(), [](const chart_series& s) { return s.points.empty(); });
}

} // namespace

std::string chart_script(const chart& what, const std::string& path, picture_kind kind) {
  auto out = frame_script(what, path, kind);
  if (is_empty(what)) {
    out += label(what.empty_text, width / 2, height / 2, "center textcolor rgb '#666666'" + font(label_size + 5));
    return out + "set xrange [0:1]\nset yrange [0:1]\nunset xtics\nunset ytics\nplot NaN with points\nunset output\n";
  }
  auto l = lay_out(what);
  out += axis_script(l.x, 'x', what.x_percent) + axis_script(l.y, 'y', false);
  for (const auto& limit : what.limits)
    out += limit_script(limit, l);
  out += labels_script(l) + column_script(what, l);
  for (size_t i = 0; i < what.notes.size(); ++i)
    out += label(what.notes[i], left, 24.0 + 26.0 * static_cast<double>(what.notes.size() - 1 - i),
                 "left textcolor rgb '#666666'" + font(small_size - 2));
  std::string blocks;
  std::vector<std::string> plots;
  for (size_t i = 0; i < what.series.size(); ++i)
    series_script(what.series[i], i, blocks, plots);
  out += blocks + "plot ";
  for (size_t i = 0; i < plots.size(); ++i)
    out += (i == 0 ? "" : ", \\\n  ") + plots[i];
  return out + "\nunset output\n";
}

} // namespace sextant
