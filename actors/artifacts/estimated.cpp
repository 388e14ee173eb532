// estimated.cpp: Predictions as points and as tables.
#include "actors/artifacts/estimated.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "actors/artifacts/html.hpp"
#include "actors/artifacts/measured.hpp"

namespace sextant {

namespace {

/// Rows of the table of deployments; what comes later is in the JSON.
constexpr size_t most_rows = 40;

/// The traffic in a point's id: `{engine}/{sweep|curve}/isl{isl}_osl{osl}_n{n}`.
bool read_id(const std::string& id, point_plan& plan) {
  const auto last = id.rfind('/');
  const auto before = last == std::string::npos || last == 0 ? std::string::npos : id.rfind('/', last - 1);
  if (before == std::string::npos)
    return false;
  plan.point = id;
  plan.purpose = id.substr(before + 1, last - before - 1);
  return std::sscanf(id.c_str() + last, "/isl%d_osl%d_n%d", &plan.isl, &plan.osl, &plan.concurrency) == 3;
}

html::cell banded(double value, double low, double high, int decimals) {
  return {html::number(value, decimals) + " <small>[" + html::number(low, decimals) + " … " + html::number(high, decimals)
              + "]</small>",
          true};
}

} // namespace

phase role_of(const std::string& engine) {
  return engine.starts_with("prefill") ? phase::prefill : phase::decode;
}

std::vector<point_measured> estimated_points(const profile_result& result) {
  std::vector<point_measured> points;
  for (const auto& p : result.predictions) {
    point_measured point;
    point.engine = p.engine;
    if (!read_id(p.point, point.plan) || !(p.predicted_ms > 0))
      continue;
    const auto layout = mapping_of(p.engine);
    const bool prefill = role_of(p.engine) == phase::prefill;
    point.plan.kind = prefill ? point_kind::ttft : point_kind::itl;
    point.plan.gpus = layout.gpus;
    point.plan.attention_dp = layout.attention_data_parallel();
    point.plan.requests = 0;
    point.value_ms = p.predicted_ms;
    point.value_low_ms = p.low_ms;
    point.value_high_ms = p.high_ms;
    const double tokens = prefill ? static_cast<double>(point.plan.isl) * point.plan.attention_dp : point.plan.concurrency;
    point.throughput_per_gpu = tokens * 1000 / p.predicted_ms / std::max(layout.gpus, 1);
    point.waves = 0;
    point.clock = "estimated";
    point.remarks = {"estimated, not measured"};
    points.push_back(std::move(point));
  }
  return points;
}

std::string estimate_comment(const profile_result& result) {
  return result.estimated ? "# Estimated by a performance model: nothing in here was measured.\n" : "";
}

std::string report_deployments(const profile_result& result) {
  if (result.deployments.empty())
    return {};
  std::vector<std::vector<html::cell>> rows;
  for (const auto& d : result.deployments) {
    if (rows.size() == most_rows)
      break;
    const bool pick = &d == &result.deployments.front();
    rows.push_back({html::raw(html::escaped(d.label)
                              + (pick          ? " <span class=\"tag pick\">pick</span>"
                                 : d.efficient ? " <span class=\"tag\">front</span>"
                                               : "")),
                    html::text(to_text(d.backend)), html::value(d.gpus), html::value(d.concurrency),
                    banded(d.ttft_ms, d.ttft_low_ms, d.ttft_high_ms, 0), banded(d.tpot_ms, d.tpot_low_ms, d.tpot_high_ms, 2),
                    html::value(d.tokens_per_s_per_gpu, 1), html::value(d.tokens_per_s_per_user, 1), html::text(d.tier),
                    html::raw("<div class=why>" + html::escaped(d.note) + "</div>")});
  }
  return "<h2>Deployments</h2>\n<p class=sub>Estimated by the performance model, each at its best load; in brackets what "
         "holds the truth in 80 % of cases. Tokens/s/GPU count all GPUs of the request.</p>\n"
         + html::table({"Deployment", "Back end", "GPUs", "In flight", "TTFT (ms)", "TPOT (ms)", "Tokens/s/GPU",
                        "Tokens/s/user", "Tier", "Why"},
                       rows);
}

std::string report_predictions(const profile_result& result) {
  std::vector<std::vector<html::cell>> rows;
  std::vector<double> errors;
  size_t inside = 0;
  for (const auto& p : result.predictions) {
    if (!(p.measured_ms > 0))
      continue;
    const double error = p.predicted_ms / p.measured_ms - 1;
    errors.push_back(std::abs(error));
    inside += p.low_ms <= p.measured_ms && p.measured_ms <= p.high_ms ? 1 : 0;
    rows.push_back({html::text(p.point), banded(p.predicted_ms, p.low_ms, p.high_ms, 2), html::value(p.measured_ms, 2),
                    html::value(100 * error, 1)});
  }
  if (rows.empty())
    return {};
  std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2), errors.end());
  const auto summary = "Predicted beside measured: " + std::to_string(rows.size()) + " points, median error "
                       + html::number(100 * errors[errors.size() / 2], 1) + " %, " + std::to_string(inside)
                       + " within the band";
  return html::folded(summary, html::table({"Point", "Predicted (ms)", "Measured (ms)", "Error (%)"}, rows));
}

} // namespace sextant
