// load_compare.cpp: `sextant load --compare A B`.
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "actors/metrics/statistics/comparison.hpp"
#include "config/load_reader.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/load_judging.hpp"
#include "tools/sextant/load_stored.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

using json = nlohmann::ordered_json;
using statistics::change;
using statistics::comparison;
using statistics::metric_comparison;

const char* text_of(change verdict) {
  static constexpr const char* texts[] = {"better", "worse", "same", "unclear"};
  return texts[static_cast<size_t>(verdict)];
}

std::vector<load_records> runs_of(const std::string& side, std::vector<document_error>& errors) {
  std::vector<load_records> out;
  for (const auto& path : split_text(side, ',')) {
    std::string error;
    for (const auto& file : record_files_of(path, error))
      if (error.empty())
        out.push_back(read_stored_records(file, error));
    if (!error.empty())
      errors.push_back({"--compare", 0, 0, "", error, "a record file of sextant load, or a folder with one", ""});
  }
  return out;
}

const char* verdict_of(const comparison& c) {
  return c.worse ? "worse" : c.unclear ? "unclear" : "not worse";
}

json finite(double x) {
  return std::isfinite(x) ? json(x) : json(nullptr);
}

std::string comparison_json(const comparison& c, const load_analysis& analysis, double confidence) {
  json out;
  out["a"] = analysis.compare[0];
  out["b"] = analysis.compare[1];
  out["runs"] = {c.runs_a, c.runs_b};
  out["paired_requests"] = c.paired_requests;
  out["confidence"] = confidence;
  out["margin"] = analysis.compare_margin;
  out["verdict"] = verdict_of(c);
  out["metrics"] = json::array();
  for (const auto& m : c.metrics)
    out["metrics"].push_back({{"metric", m.metric},
                              {"statistic", m.statistic},
                              {"unit", m.unit},
                              {"larger_is_better", m.larger_is_better},
                              {"a", finite(m.a)},
                              {"b", finite(m.b)},
                              {"ratio", finite(m.ratio)},
                              {"interval", m.known ? json{finite(m.low), finite(m.high)} : json(nullptr)},
                              {"p", m.known ? json(m.p) : json(nullptr)},
                              {"p_corrected", m.known ? json(m.p_corrected) : json(nullptr)},
                              {"method", m.method},
                              {"verdict", text_of(m.verdict)}});
  out["remarks"] = c.remarks;
  return out.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

std::string percent(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.2f %%", (ratio - 1) * 100);
  return text;
}

std::string comparison_text(const comparison& c, const load_analysis& analysis, double confidence) {
  char line[256];
  std::string out = "A: " + analysis.compare[0] + "\nB: " + analysis.compare[1] + '\n';
  std::snprintf(line, sizeof line, "%zu and %zu runs, %zu requests paired, %.4g %% intervals, margin %.3g %%\n\n", c.runs_a,
                c.runs_b, c.paired_requests, confidence * 100, analysis.compare_margin * 100);
  out += line;
  std::snprintf(line, sizeof line, "%-26s %-9s %12s %12s %10s  %-24s %-8s %s\n", "metric", "", "A", "B", "B against A",
                "interval", "verdict", "by");
  out += line;
  for (const auto& m : c.metrics) {
    const auto range = m.known ? "[" + percent(m.low) + ", " + percent(m.high) + "]" : std::string{"too few requests"};
    std::snprintf(line, sizeof line, "%-26s %-9s %12.4g %12.4g %10s  %-24s %-8s %s\n", m.metric.c_str(), m.statistic.c_str(),
                  m.a, m.b, std::isfinite(m.ratio) ? percent(m.ratio).c_str() : "-", range.c_str(), text_of(m.verdict),
                  m.method.c_str());
    out += line;
  }
  for (const auto& remark : c.remarks)
    out += "note: " + remark + '\n';
  return out + "B is " + verdict_of(c) + '\n';
}

} // namespace

int compare_stored(const load_arguments& arguments, const load_analysis& analysis) {
  std::vector<document_error> errors;
  const auto options = read_load_options(arguments, errors);
  std::erase_if(errors, [&](const auto& e) { return e.source.starts_with("--") && !arguments.has(e.source.substr(2)); });
  statistics::comparison_options wanted;
  wanted.summary = judging_options(options, analysis, errors);
  wanted.margin = analysis.compare_margin;
  const auto a = runs_of(analysis.compare[0], errors), b = runs_of(analysis.compare[1], errors);
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  const auto compared = statistics::compare_runs(a, b, wanted);
  const double confidence = wanted.summary.confidence;
  printf("%s",
         (analysis.json ? comparison_json(compared, analysis, confidence) : comparison_text(compared, analysis, confidence))
             .c_str());
  return compared.worse || (options.strict && compared.unclear) || compared.metrics.empty() ? exit_failed : exit_ok;
}

} // namespace sextant
