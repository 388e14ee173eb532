// report_parts.cpp: Tables of candidates, failures, method and points.
#include "actors/artifacts/report_parts.hpp"

#include <algorithm>
#include <sstream>

#include "actors/artifacts/html.hpp"
#include "actors/artifacts/measured.hpp"

namespace sextant {

namespace {

using html::cell;
using html::escaped;
using html::number;

constexpr double bytes_per_gb = 1e9;

std::string state_tag(const candidate_report& candidate, const profile_result& result) {
  const bool picked = candidate.engine == result.prefill.engine || candidate.engine == result.decode.engine;
  if (picked)
    return "<span class=\"tag pick\">chosen</span>";
  std::string_view look = candidate.state == candidate_state::failed     ? "tag bad"
                          : candidate.state == candidate_state::measured ? "tag good"
                                                                         : "tag";
  return "<span class=\"" + std::string{look} + "\">" + escaped(to_text(candidate.state)) + "</span>";
}

// The sweep point that speaks for a candidate: the best throughput within the target is the selection's business, here it
// is the point of highest throughput.
const point_measured* best_point(const std::vector<point_measured>& points, const candidate_report& candidate) {
  const auto kind = candidate.role == phase::prefill ? point_kind::ttft : point_kind::itl;
  const point_measured* best = nullptr;
  for (const auto* p : points_of(points, kind, "sweep", candidate.engine))
    if (!best || p->throughput_per_gpu > best->throughput_per_gpu)
      best = p;
  return best;
}

cell optional_value(double value, int decimals) {
  return value > 0 ? html::value(value, decimals) : cell{"–", true};
}

std::string failure_text(const failure& error) {
  std::string out = "<span class=\"tag bad\">" + escaped(to_text(error.cause)) + "</span> " + escaped(to_text(error.kind));
  if (!error.detail.empty())
    out += ": " + escaped(error.detail);
  return out;
}

std::string lines_of(const std::vector<std::string>& lines) {
  std::string out = "<pre>";
  for (const auto& line : lines)
    out += escaped(line) + "\n";
  return out + "</pre>\n";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts)
    out += (out.empty() ? "" : "; ") + text;
  return out;
}

bool result_is_estimated(const std::vector<point_measured>& points) {
  return !points.empty() && points.front().clock == "estimated";
}

std::string budget_text(double value, int decimals, const char* unit) {
  return value > 0 ? number(value, decimals) + unit : std::string{"none"};
}

std::string clock_text(const profile_result& result) {
  const auto& clock = result.clock;
  if (clock == "estimated")
    return "none: nothing was measured";
  if (clock == "live")
    return "live: wall clock, real time";
  if (clock == "scaled")
    return "scaled: engines ran at another speed than life, all times are scaled back to engine time";
  if (clock == "virtual")
    return "virtual: played in virtual time, without sockets";
  return clock.empty() ? "nothing was measured" : clock;
}

} // namespace

std::string report_confirmations(const profile_result& result) {
  if (result.confirmations.empty())
    return {};
  std::vector<std::vector<cell>> rows;
  for (const auto& c : result.confirmations)
    rows.push_back({html::text(c.prefill.label() + " + " + c.decode.label()), html::value(c.concurrency),
                    optional_value(c.predicted_ttft_ms, 2), optional_value(c.ttft_high_ms, 2), optional_value(c.ttft_ms, 2),
                    optional_value(c.predicted_itl_ms, 2), optional_value(c.itl_high_ms, 2), optional_value(c.itl_ms, 2),
                    optional_value(c.predicted_requests_per_s, 2), optional_value(c.requests_per_s, 2),
                    html::text(to_text(c.state)), html::raw("<div class=why>" + escaped(c.reason) + "</div>")});
  return "<h2>Confirmation</h2>\n<p>The recommended prefill and decode engines were deployed together and measured in a "
         "closed "
         "loop with the requests in flight that the predicted rate keeps in the system; medians over requests. A pair that "
         "is "
         "slower than predicted at most, or outside the target, gives way to the next alternative.</p>\n"
         + html::table({"Prefill + decode", "In flight", "TTFT predicted (ms)", "at most", "measured", "ITL predicted (ms)",
                        "at most", "measured", "Requests/s predicted", "measured", "Verdict", "Why"},
                       rows);
}

std::string report_alternatives(const profile_result& result) {
  if (result.alternatives.empty())
    return {};
  std::vector<std::vector<cell>> rows;
  for (const auto& a : result.alternatives)
    rows.push_back({html::text(to_text(a.role)), html::text(a.layout.label()), html::value(a.layout.gpus),
                    html::value(a.concurrency), html::value(a.value_ms, 2), html::value(a.throughput_per_gpu, 1),
                    html::text(a.note)});
  return "<h2>Alternatives</h2>\n"
         + html::table({"Phase", "Mapping", "GPUs", "In flight", "TTFT or ITL (ms)", "Tokens/s/GPU", "For what"}, rows);
}

std::string report_candidates(const profile_result& result, const std::vector<point_measured>& points) {
  std::vector<std::vector<cell>> rows;
  for (const auto& c : result.candidates) {
    const auto* best = best_point(points, c);
    const bool reported = c.kv_tokens > 0;
    rows.push_back({html::text(to_text(c.role)), html::text(c.layout.label()), html::raw(state_tag(c, result)),
                    html::raw("<div class=why>" + escaped(c.reason) + "</div>"),
                    optional_value(best ? best->value_ms : 0, 2), optional_value(best ? best->throughput_per_gpu : 0, 1),
                    optional_value(c.predicted_ms, 2), optional_value(c.weight_bytes_per_gpu / bytes_per_gb, 1),
                    optional_value(static_cast<double>(reported ? c.kv_tokens : c.predicted_kv_tokens), 0),
                    html::text(reported                    ? "reported"
                               : c.predicted_kv_tokens > 0 ? "predicted"
                                                           : ""),
                    html::value(c.attempts)});
  }
  return "<h2>Candidates</h2>\n<p class=sub>TTFT or ITL and throughput are those of the candidate's point of highest "
         "throughput; the "
         "prediction is for the target's input length, or for one request.</p>\n"
         + html::table({"Phase", "Mapping", "State", "Why", "TTFT or ITL (ms)", "Tokens/s/GPU", "Predicted (ms)",
                        "Weights (GB/GPU)", "KV (tokens)", "KV from", "Attempts"},
                       rows);
}

std::string report_failures(const profile_result& result, const std::vector<point_measured>& points) {
  std::string items;
  for (const auto& c : result.candidates)
    for (size_t i = 0; i < c.failures.size(); ++i) {
      items += "<li><strong>" + escaped(c.engine) + "</strong>, attempt " + std::to_string(i + 1) + ": "
               + failure_text(c.failures[i]);
      if (!c.failures[i].log_tail.empty())
        items += html::folded("last lines of its log", lines_of(c.failures[i].log_tail));
      items += "</li>\n";
    }
  for (const auto& p : points)
    if (!p.valid)
      items +=
          "<li><strong>" + escaped(p.plan.point) + "</strong> does not count: " + escaped(joined(p.remarks)) + "</li>\n";
  std::string out = "<h2>Attempts and failures</h2>\n<p>" + number(result.attempts_failed) + " failed attempts of any kind; "
                    + number(result.points_measured) + " of " + number(result.points_planned)
                    + " planned points have a result.</p>\n";
  return items.empty() ? out : out + "<ul>\n" + items + "</ul>\n";
}

std::string report_method(const profile_request& request, const profile_result& result,
                          const std::vector<point_measured>& points, const std::vector<std::string>& remarks) {
  double engine_s = 0, wall_s = 0, overhead_s = 0;
  for (const auto& p : points) {
    engine_s += p.engine_s;
    wall_s += p.wall_s;
    overhead_s += p.overhead_s;
  }
  std::string out = "<h2>How it was measured</h2>\n<div class=card><dl>";
  const auto row = [&out](std::string_view name, const std::string& value) {
    out += "<dt>" + std::string{name} + "</dt><dd>" + value + "</dd>";
  };
  row("Engines", result.estimated   ? "<strong>none was run</strong>: every value is the performance model's"
                 : result.simulated ? "<strong>simulated</strong> from a performance model, no GPU was used"
                                    : "real");
  row("Clock", escaped(clock_text(result)));
  row("Policy", escaped(to_text(request.policy)) + ", " + std::to_string(request.min_gpus_per_engine) + " to "
                    + std::to_string(request.max_gpus_per_engine) + " GPUs per engine, contexts up to "
                    + number(request.max_context) + " tokens");
  row("Host",
      escaped(request.host) + ", pool of " + number(request.pool_gpus) + " GPUs, seed " + std::to_string(request.seed));
  row("Used", number(result.gpu_seconds / 3600, 3) + " GPU-hours; " + number(engine_s, 1) + " engine seconds of measuring, "
                  + number(wall_s, 1) + " s on the wall, of which " + number(overhead_s, 1) + " s overhead");
  row("Budgets", "GPU-hours " + budget_text(request.max_gpu_hours, 2, "") + ", deadline "
                     + budget_text(request.deadline_s, 0, " s") + ", GPUs at once "
                     + budget_text(request.max_parallel_gpus, 0, ""));
  row("Model facts", escaped(request.model.source.empty() ? "unknown" : request.model.source));
  out += "</dl></div>\n";
  auto all = result.remarks;
  all.insert(all.end(), remarks.begin(), remarks.end());
  if (const auto warnings = request.extra.find("warnings"); warnings != request.extra.end()) {
    std::istringstream lines{warnings->second};
    for (std::string line; std::getline(lines, line);)
      all.push_back(line);
  }
  if (all.empty())
    return out;
  out += "<ul>\n";
  for (const auto& remark : all)
    out += "<li>" + escaped(remark) + "</li>\n";
  return out + "</ul>\n";
}

std::string report_points(const std::vector<point_measured>& points) {
  std::vector<std::vector<cell>> rows;
  for (const auto& p : points) {
    const auto& d = p.plan.kind == point_kind::ttft ? p.ttft : p.itl;
    rows.push_back({html::text(p.engine), html::text(p.plan.purpose), html::value(p.plan.isl), html::value(p.plan.osl),
                    html::value(p.plan.concurrency), html::value(p.value_ms, 2),
                    cell{number(p.value_low_ms, 2) + " … " + number(p.value_high_ms, 2), true}, html::value(d.p50, 2),
                    html::value(d.p90, 2), html::value(d.p99, 2), html::value(static_cast<double>(d.count)),
                    html::value(p.throughput_per_gpu, 1), html::text(to_text(p.stopped)),
                    html::text((p.valid ? "" : "invalid: ") + joined(p.remarks))});
  }
  return html::folded("All " + std::to_string(points.size())
                          + (result_is_estimated(points) ? " estimated points" : " measured points"),
                      html::table({"Engine", "For", "ISL", "OSL", "In flight", "TTFT or ITL (ms)", "95 % interval", "p50",
                                   "p90", "p99", "Samples", "Tokens/s/GPU", "Ended by", "Remarks"},
                                  rows));
}

} // namespace sextant
