// charts.cpp: What each picture shows.
#include "actors/artifacts/charts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "actors/artifacts/fit.hpp"
#include "actors/artifacts/measured.hpp"

namespace sextant {

namespace {

// Okabe and Ito's colours and a few darker ones, told apart with every kind of colour vision; orange-red is kept for
// targets.
constexpr std::array<const char*, 9> palette{"#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
                                             "#444444", "#8B5A2B", "#882255", "#332288"};

// Dark to light along viridis, without its yellow end, which is hard to see on white.
constexpr std::array<const char*, 6> ramp{"#440154", "#414487", "#2A788E", "#22A884", "#5EA93B", "#A59C1B"};

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string engine_label(const mapping& layout) {
  return std::to_string(layout.gpus) + " GPU" + (layout.gpus == 1 ? "" : "s") + " [" + layout.label() + "]";
}

struct context {
  const profile_request& request;
  const profile_result& result;
  const std::vector<point_measured>& points;

  /// Curves of an endpoint that somebody else runs have no target and no known back end.
  bool has_target() const { return request.sla.isl > 0; }

  std::string subtitle() const {
    std::string out = request.model.name + (has_target() ? "  ·  " + std::string{to_text(request.backend)} : "") + "  ·  "
                      + request.gpu.name;
    if (has_target())
      out += "  ·  ISL " + std::to_string(request.sla.isl) + ", OSL " + std::to_string(request.sla.osl);
    if (result.simulated)
      out += "  ·  simulated engines" + std::string{result.clock == "virtual" ? ", virtual time" : ""};
    if (result.estimated)
      out += "  ·  estimated, not measured";
    return out;
  }

  /// The same mapping has the same colour in every picture.
  std::string colour(const mapping& layout) const {
    std::vector<std::string> labels;
    for (const auto& c : result.candidates)
      if (std::find(labels.begin(), labels.end(), c.layout.label()) == labels.end())
        labels.push_back(c.layout.label());
    const auto at = std::find(labels.begin(), labels.end(), layout.label()) - labels.begin();
    return palette[static_cast<size_t>(at) % palette.size()];
  }
};

chart base_chart(const context& c, std::string title, std::string x_label, std::string y_label) {
  chart out;
  out.title = std::move(title);
  out.subtitle = c.subtitle();
  out.x_label = std::move(x_label);
  out.y_label = std::move(y_label);
  return out;
}

chart_point latency_point(const point_measured& p) {
  chart_point out;
  out.x = p.value_ms;
  out.y = p.throughput_per_gpu;
  out.x_low = p.value_low_ms;
  out.x_high = p.value_high_ms;
  return out;
}

// The engines of one phase in the order of the candidates, with their sweep points.
std::vector<std::pair<mapping, std::vector<const point_measured*>>> by_engine(const context& c, point_kind kind) {
  std::map<std::string, std::vector<const point_measured*>> groups;
  std::vector<std::string> order;
  for (const auto* p : points_of(c.points, kind, "sweep", {})) {
    if (groups[p->engine].empty())
      order.push_back(p->engine);
    groups[p->engine].push_back(p);
  }
  std::vector<std::pair<mapping, std::vector<const point_measured*>>> result;
  for (const auto& engine : order)
    result.emplace_back(mapping_of(engine), groups[engine]);
  return result;
}

void add_notes(chart& out, double target_ms, bool estimated) {
  const bool missing = std::any_of(out.series.begin(), out.series.end(), [](const chart_series& s) {
    return std::any_of(s.points.begin(), s.points.end(), [](const chart_point& p) { return p.hollow; });
  });
  const bool chosen = std::any_of(out.series.begin(), out.series.end(), [](const chart_series& s) {
    return std::any_of(s.points.begin(), s.points.end(), [](const chart_point& p) { return p.chosen; });
  });
  std::string note = estimated ? "bars: band of the estimate" : "bars: 95 % interval";
  if (chosen)
    note += "  ·  ring: chosen";
  if (missing)
    note += "  ·  outline: misses the target of " + text("%g ms", target_ms);
  out.notes = {note};
}

chart prefill_performance(const context& c) {
  auto out = base_chart(c, "Prefill Performance", "Time to First Token (ms)", "Prefill throughput per GPU (tokens/s/GPU)");
  const double target = c.request.sla.ttft_ms;
  for (const auto& [layout, points] : by_engine(c, point_kind::ttft)) {
    chart_series s;
    s.colour = c.colour(layout);
    s.shape = static_cast<int>(layout.method);
    s.line = false;
    for (const auto* p : points) {
      auto point = latency_point(*p);
      point.hollow = p->value_ms > target;
      point.chosen = p->engine == c.result.prefill.engine;
      point.label = engine_label(layout);
      s.points.push_back(point);
    }
    out.series.push_back(std::move(s));
  }
  out.limits.push_back({true, target, "Target TTFT: " + text("%g ms", target), true});
  add_notes(out, target, c.result.estimated);
  return out;
}

chart decode_performance(const context& c) {
  auto out = base_chart(c, "Decode Performance", "Inter Token Latency (ms)", "Decode throughput per GPU (tokens/s/GPU)");
  const double target = c.request.sla.itl_ms;
  for (auto [layout, points] : by_engine(c, point_kind::itl)) {
    std::sort(points.begin(), points.end(), [](const auto* a, const auto* b) { return a->value_ms < b->value_ms; });
    chart_series s;
    s.colour = c.colour(layout);
    s.shape = static_cast<int>(layout.method);
    s.label = engine_label(layout);
    for (const auto* p : points) {
      auto point = latency_point(*p);
      point.hollow = p->value_ms > target;
      const bool of_choice = p->engine == c.result.decode.engine;
      point.chosen = of_choice && p->plan.concurrency == c.result.decode.concurrency;
      if (of_choice)
        point.label = (point.chosen ? "n = " : "") + std::to_string(p->plan.concurrency);
      s.points.push_back(point);
    }
    out.series.push_back(std::move(s));
  }
  out.limits.push_back({true, target, "Target ITL: " + text("%g ms", target), true});
  add_notes(out, target, c.result.estimated);
  out.notes.front() += "  ·  n: requests in flight";
  return out;
}

chart cost(const context& c) {
  const auto& sla = c.request.sla;
  auto out = base_chart(c,
                        "Cost Per 1000 i" + std::to_string(sla.isl) + "o" + std::to_string(sla.osl)
                            + " requests (GPU/hour = $3.0) Under Different SLA",
                        "Tokens per User", "Cost ($)");
  out.empty_text = "needs a measured prefill and a measured decode point";
  out.log_y = true;
  out.labels_at_right = true;
  const auto prefill = pareto(points_of(c.points, point_kind::ttft, "sweep", {}));
  const auto decode = pareto(points_of(c.points, point_kind::itl, "sweep", {}));
  for (size_t i = 0; i < prefill.size(); ++i) {
    const auto& p = *prefill[i];
    const bool slow = p.value_ms > sla.ttft_ms;
    chart_series s;
    s.colour = slow ? "#999999" : palette[i % palette.size()];
    s.dashed = slow;
    s.label = "TTFT: " + text("%.2fms", p.value_ms);
    for (auto d = decode.rbegin(); d != decode.rend(); ++d) {
      if ((*d)->value_ms <= 0)
        continue;
      chart_point point;
      point.x = 1000 / (*d)->value_ms;
      point.y = gpu_hours_per_1000(sla, p.throughput_per_gpu, (*d)->throughput_per_gpu) * gpu_cost_per_hour;
      point.hollow = slow || (*d)->value_ms > sla.itl_ms;
      point.chosen = p.engine == c.result.prefill.engine && (*d)->engine == c.result.decode.engine
                     && (*d)->plan.concurrency == c.result.decode.concurrency;
      if (point.chosen)
        point.label = text("$%.2f", point.y);
      s.points.push_back(point);
    }
    if (!decode.empty())
      out.series.push_back(std::move(s));
  }
  out.limits.push_back({true, 1000 / sla.itl_ms,
                        "Target ITL: " + text("%g ms", sla.itl_ms) + text(" = %.3g tokens/s", 1000 / sla.itl_ms), false});
  out.notes = {
      "one line per prefill engine  ·  ring: chosen  ·  outline: misses a target  ·  dotted: misses the TTFT target of "
      + text("%g ms", sla.ttft_ms)};
  return out;
}

/// Tokens/s/GPU over tokens/s/user of the deployments that an estimate compared.
chart pareto_frontier(const context& c) {
  auto out = base_chart(c, "Pareto Frontier", "Tokens per Second and User", "Tokens per Second and GPU");
  for (const auto serving : {serving_mode::aggregated, serving_mode::disaggregated}) {
    chart_series s;
    const bool apart = serving == serving_mode::disaggregated;
    s.label = std::string{to_text(serving)};
    s.colour = palette[apart ? 1 : 0];
    s.shape = apart ? 1 : 0;
    s.line = false;
    for (const auto& d : c.result.deployments) {
      if (d.serving != serving)
        continue;
      chart_point p;
      p.x = d.tokens_per_s_per_user;
      p.y = d.tokens_per_s_per_gpu;
      p.hollow = !d.meets_target;
      p.chosen = &d == &c.result.deployments.front();
      if (p.chosen)
        p.label = d.label;
      s.points.push_back(p);
    }
    if (!s.points.empty())
      out.series.push_back(std::move(s));
  }
  chart_series front;
  front.colour = "#777777";
  front.label = "front";
  front.dots = false;
  for (const auto& d : c.result.deployments)
    if (d.efficient) {
      chart_point p;
      p.x = d.tokens_per_s_per_user;
      p.y = d.tokens_per_s_per_gpu;
      front.points.push_back(p);
    }
  std::sort(front.points.begin(), front.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  if (front.points.size() > 1)
    out.series.insert(out.series.begin(), std::move(front));
  out.limits.push_back({true, 1000 / c.request.sla.itl_ms, "Target ITL: " + text("%g ms", c.request.sla.itl_ms), false});
  out.notes = {"each deployment at its best load  ·  ring: pick  ·  outline: misses a target"};
  return out;
}

chart_series prefill_samples(const context& c, bool latency) {
  chart_series s;
  s.colour = palette[0];
  s.line = !latency;
  for (const auto& sample : c.result.prefill_curve) {
    chart_point p;
    p.x = sample.isl;
    p.y = latency ? sample.ttft_ms : sample.throughput_per_gpu;
    p.hollow = c.has_target() && sample.ttft_ms > c.request.sla.ttft_ms;
    if (const auto* measured = point_behind(c.points, c.result.prefill.engine, sample); measured && latency) {
      p.y_low = measured->value_low_ms;
      p.y_high = measured->value_high_ms;
    }
    s.points.push_back(p);
  }
  return s;
}

std::string of_engine(const selected_engine& engine) {
  return engine.engine.empty() || engine.layout.gpus == 0 ? "" : "  ·  " + engine_label(engine.layout);
}

void mark_wanted_length(const context& c, chart& out) {
  if (c.has_target())
    out.limits.push_back(
        {true, static_cast<double>(c.request.sla.isl), "ISL " + std::to_string(c.request.sla.isl), true, false});
}

chart prefill_ttft(const context& c) {
  auto out =
      base_chart(c, "Prefill TTFT vs Input Sequence Length", "Input Sequence Length (tokens)", "Time to First Token (ms)");
  out.subtitle += of_engine(c.result.prefill);
  out.log_y = true;
  const auto& curve = c.result.prefill_curve;
  std::vector<double> x, y;
  for (const auto& sample : curve) {
    x.push_back(sample.isl);
    y.push_back(sample.ttft_ms);
  }
  if (const auto fit = fit_quadratic(x, y)) {
    chart_series line;
    line.colour = palette[3];
    line.dots = false;
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    for (int i = 0; i <= 100; ++i) {
      // Denser where the axis is, which is logarithmic for a curve that reaches from short to long prompts.
      const double at = *low > 0 ? *low * std::pow(*high / *low, i / 100.0) : *low + (*high - *low) * i / 100;
      chart_point p;
      p.x = at;
      p.y = fit->at(at);
      if (p.y > 0)
        line.points.push_back(p);
    }
    out.series.push_back(std::move(line));
    out.notes.push_back("line: quadratic fit " + text("%.3g", fit->a) + "·x² + " + text("%.3g", fit->b) + "·x + "
                        + text("%.3g", fit->c));
  }
  out.series.push_back(prefill_samples(c, true));
  const auto fit_note = out.notes;
  add_notes(out, c.request.sla.ttft_ms, c.result.estimated);
  if (!fit_note.empty())
    out.notes.front() = fit_note.front() + "  ·  " + out.notes.front();
  if (c.has_target())
    out.limits.push_back({false, c.request.sla.ttft_ms, "Target TTFT: " + text("%g ms", c.request.sla.ttft_ms), true});
  mark_wanted_length(c, out);
  return out;
}

chart prefill_throughput(const context& c) {
  auto out = base_chart(c, "Prefill Throughput vs Input Sequence Length", "Input Sequence Length (tokens)",
                        "Prefill throughput per GPU (tokens/s/GPU)");
  out.subtitle += of_engine(c.result.prefill);
  out.series.push_back(prefill_samples(c, false));
  mark_wanted_length(c, out);
  add_notes(out, c.request.sla.ttft_ms, c.result.estimated);
  return out;
}

// One line per context length: values between the measured points are not made up.
chart decode_surface(const context& c, bool latency) {
  auto out = base_chart(c, latency ? "Decode ITL Interpolation" : "Decode Throughput Interpolation", "Active KV Percentage",
                        latency ? "ITL (ms)" : "Throughput per GPU (tokens/s/GPU)");
  out.subtitle += of_engine(c.result.decode);
  out.x_percent = true;
  out.log_y = !latency;
  out.labels_at_right = true;
  std::map<double, std::vector<decode_sample>> rows;
  for (const auto& sample : c.result.decode_grid)
    rows[sample.context_length].push_back(sample);
  const size_t every = rows.size() / 10 + 1;
  size_t index = 0;
  for (auto& [length, samples] : rows) {
    std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.kv_usage < b.kv_usage; });
    chart_series s;
    s.colour = ramp[rows.size() < 2 ? 0 : index * (ramp.size() - 1) / (rows.size() - 1)];
    if (index % every == 0 || index + 1 == rows.size())
      s.label = "context " + text("%.0f", length);
    for (const auto& sample : samples) {
      chart_point p;
      p.x = sample.kv_usage;
      p.y = latency ? sample.itl_ms : sample.throughput_per_gpu;
      p.hollow = c.has_target() && sample.itl_ms > c.request.sla.itl_ms;
      if (const auto* measured = point_behind(c.points, c.result.decode.engine, sample); measured && latency) {
        p.y_low = measured->value_low_ms;
        p.y_high = measured->value_high_ms;
      }
      s.points.push_back(p);
    }
    out.series.push_back(std::move(s));
    ++index;
  }
  if (latency && c.has_target())
    out.limits.push_back({false, c.request.sla.itl_ms, "Target ITL: " + text("%g ms", c.request.sla.itl_ms), true});
  add_notes(out, c.request.sla.itl_ms, c.result.estimated);
  out.notes.front() += "  ·  one line per Decode Context Length (tokens), dots are "
                       + std::string{c.result.estimated ? "estimated" : "measured"};
  return out;
}

} // namespace

double gpu_hours_per_1000(const service_level& sla, double prefill_throughput_per_gpu, double decode_throughput_per_gpu) {
  if (!(prefill_throughput_per_gpu > 0) || !(decode_throughput_per_gpu > 0))
    return 0;
  return sla.isl * 1000.0 / prefill_throughput_per_gpu / 3600 + sla.osl * 1000.0 / decode_throughput_per_gpu / 3600;
}

std::vector<named_chart> profile_charts(const profile_request& request, const profile_result& result,
                                        const std::vector<point_measured>& points) {
  const context c{request, result, points};
  const std::string prefill = "selected_prefill_interpolation/", decode = "selected_decode_interpolation/";
  std::vector<named_chart> charts{
      {"prefill_performance.png", prefill_performance(c)},
      {"decode_performance.png", decode_performance(c)},
      {"cost_sla.png", cost(c)},
      {prefill + "prefill_ttft_interpolation.png", prefill_ttft(c)},
      {prefill + "prefill_throughput_interpolation.png", prefill_throughput(c)},
      {decode + "decode_itl_interpolation.png", decode_surface(c, true)},
      {decode + "decode_throughput_interpolation.png", decode_surface(c, false)},
  };
  if (!result.deployments.empty())
    charts.push_back({"pareto_frontier.png", pareto_frontier(c)});
  return charts;
}

} // namespace sextant
