// load_charts.cpp: Pictures of a load test.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "actors/artifacts/load_report.hpp"

namespace sextant {

namespace {

constexpr size_t histogram_bins = 60;
constexpr const char* blue = "#0072B2";
constexpr const char* green = "#009E73";
constexpr const char* grey = "#444444";
constexpr const char* red = "#D55E00";

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string subtitle(const load_facts& f) {
  std::string out = f.model;
  if (f.concurrency > 0)
    out += "  ·  " + std::to_string(f.concurrency) + " in flight";
  if (f.request_rate > 0)
    out += "  ·  " + text("%g requests/s", f.request_rate);
  return out + (f.simulated ? "  ·  simulated engine" : "");
}

chart base_chart(const load_facts& f, std::string title, std::string x_label, std::string y_label) {
  chart out;
  out.title = std::move(title);
  out.subtitle = subtitle(f);
  out.x_label = std::move(x_label);
  out.linear_x = true;
  out.y_label = std::move(y_label);
  return out;
}

chart_series line(std::string label, const char* colour) {
  chart_series s;
  s.label = std::move(label);
  s.colour = colour;
  s.dots = false;
  return s;
}

chart_point at(double x, double y) {
  chart_point p;
  p.x = x;
  p.y = y;
  return p;
}

/// Steps of a histogram between the 0.1 % and 99.9 % quantiles; what lies outside is told in a note.
chart histogram(const load_facts& f, const std::string& title, const std::string& what, const latency_histogram& h) {
  auto out = base_chart(f, title, what + " (ms)", "share per bin");
  out.notes = {text("%.0f samples", static_cast<double>(h.count()))};
  const auto low = static_cast<double>(h.quantile_ns(0.001)), high = static_cast<double>(h.quantile_ns(0.999));
  const double width = std::max(1.0, (high - low) / histogram_bins);
  auto steps = line("", blue);
  uint64_t before = h.count_up_to(static_cast<int64_t>(low) - 1);
  for (size_t i = 0; i < histogram_bins; ++i) {
    const double begin = low + width * static_cast<double>(i), end = begin + width;
    const uint64_t up_to = h.count_up_to(static_cast<int64_t>(end));
    const double share = static_cast<double>(up_to - before) / static_cast<double>(h.count());
    steps.points.push_back(at(begin / 1e6, share));
    steps.points.push_back(at(end / 1e6, share));
    before = up_to;
  }
  if (const auto above = h.count() - before; above > 0)
    out.notes.push_back(text("%.0f more above, ", static_cast<double>(above))
                        + text("longest %.4g ms", static_cast<double>(h.max_ns()) / 1e6));
  out.series = {std::move(steps)};
  for (const double q : {0.5, 0.99})
    out.limits.push_back({true, static_cast<double>(h.quantile_ns(q)) / 1e6, text("p%g", q * 100), true, false});
  return out;
}

chart_series over_time(const load_timeline& t, const std::vector<double>& values, std::string label, const char* colour) {
  auto s = line(std::move(label), colour);
  for (size_t i = 0; i < values.size(); ++i)
    s.points.push_back(at((static_cast<double>(i) + 0.5) * t.slice_s, values[i]));
  return s;
}

/// Ends of the steady window as marks.
void mark_window(const load_summary& s, chart& out) {
  if (!s.steady.found)
    return;
  const auto seconds = [&](int64_t ns) { return static_cast<double>(ns - s.timeline.begin_ns) / 1e9; };
  out.limits.push_back({true, seconds(s.steady.begin_ns), "steady from", true, false});
  out.limits.push_back({true, seconds(s.steady.end_ns), "to", true, false});
}

} // namespace

std::vector<named_chart> load_charts(const load_facts& f, const load_summary& s) {
  std::vector<named_chart> out;
  static constexpr std::tuple<const char*, const char*, const char*, const char*> histograms[] = {
      {"time_to_first_token", "ttft_histogram.svg", "Time to First Token", "Time to first token"},
      {"inter_chunk_latency", "itl_histogram.svg", "Gaps between Events", "Gap between the events of a stream"},
      {"request_latency", "latency_histogram.svg", "Request Latency", "Send to last output"},
  };
  for (const auto& [metric, file, title, what] : histograms)
    for (const auto& h : s.histograms)
      if (h.metric == metric && h.counts.count() > 0)
        out.push_back({file, histogram(f, title, what, h.counts)});
  const auto& t = s.timeline;
  if (t.in_flight.empty())
    return out;
  auto flight = base_chart(f, "Requests in Flight", "Time since the first send (s)", "Requests");
  flight.series = {over_time(t, t.in_flight, "", blue)};
  mark_window(s, flight);
  out.push_back({"in_flight.svg", std::move(flight)});
  auto tokens = base_chart(f, "Output Tokens", "Time since the first send (s)", "Output tokens/s");
  tokens.series = {over_time(t, t.tokens_per_s, "", green)};
  mark_window(s, tokens);
  out.push_back({"token_rate.svg", std::move(tokens)});
  auto requests = base_chart(f, "Requests", "Time since the first send (s)", "Requests/s");
  requests.series = {over_time(t, t.requests_per_s, "answered", grey)};
  if (s.failed > 0)
    requests.series.push_back(over_time(t, t.failures_per_s, "failed", red));
  mark_window(s, requests);
  out.push_back({"request_rate.svg", std::move(requests)});
  return out;
}

} // namespace sextant
