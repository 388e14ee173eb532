// load_report_file.cpp: The page of a load test as a file, its pictures drawn by one gnuplot process.
#include "actors/artifacts/files.hpp"
#include "actors/artifacts/load_report.hpp"
#include "actors/artifacts/status.hpp"

namespace sextant {

namespace {

constexpr double plot_timeout_s = 60;

void draw(const std::string& path, const std::vector<named_chart>& charts, load_report_extras& extras) {
  std::string script, error;
  std::vector<std::string> temporaries;
  for (const auto& c : charts) {
    temporaries.push_back(temporary_beside(path + "." + c.file, error));
    script += chart_script(c.what, temporaries.back(), picture_kind::svg);
  }
  if (error.empty())
    error = run_gnuplot(script, plot_timeout_s);
  for (size_t i = 0; i < charts.size() && error.empty(); ++i)
    extras.pictures[charts[i].file] = read_file(temporaries[i], error);
  for (const auto& temporary : temporaries)
    remove_file(temporary);
  if (!error.empty()) {
    extras.pictures.clear();
    extras.remarks.push_back("the pictures are missing: " + error);
  }
}

} // namespace

std::string write_load_report(const std::string& path, const load_facts& facts, const load_summary& summary) {
  load_report_extras extras;
  extras.written_at = status_time_now();
  if (const auto charts = load_charts(facts, summary); !charts.empty())
    draw(path, charts, extras);
  return write_file(path, load_report_html(facts, summary, extras));
}

} // namespace sextant
