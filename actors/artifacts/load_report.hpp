// load_report.hpp: The HTML report of a load test and its pictures. Pure but for the writing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors/artifacts/charts.hpp"
#include "messages/load_summary.hpp"

namespace sextant {

/// Histograms of TTFT, gaps and latency, requests in flight and rates over time; only those with something to show.
std::vector<named_chart> load_charts(const load_facts& facts, const load_summary& summary);

/// What the report shows besides messages.
struct load_report_extras {
  std::string written_at;                      ///< time of writing, for people
  std::map<std::string, std::string> pictures; ///< PNG bytes by the charts' file names
  std::vector<std::string> remarks;            ///< what could not be drawn, and why
};

/// One page without links to elsewhere: verdict, figures, lights of client and checks, pictures, service levels, errors, all
/// metrics, how it was measured.
std::string load_report_html(const load_facts& facts, const load_summary& summary, const load_report_extras& extras);

/// Draws the pictures and writes the page; they stand in it, no other file stays. Pictures that cannot be drawn are a remark
/// in it. Returns an error text, or nothing. Blocks for gnuplot, up to a minute.
std::string write_load_report(const std::string& path, const load_facts& facts, const load_summary& summary);

} // namespace sextant
