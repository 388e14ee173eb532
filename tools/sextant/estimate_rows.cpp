// estimate_rows.cpp: `sextant estimate --rows IN.csv --output OUT.csv`: one prediction per row of a table of benchmark runs.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "adapters/performance/benchmark_rows.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

namespace {

std::string cell_of(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string line_of(const performance::benchmark_row& row) {
  using performance::csv_cell;
  std::string line = csv_cell(row.row) + ',' + csv_cell(row.id);
  performance::serving_estimate e;
  e.reason = row.reason;
  if (row.reason.empty())
    e = performance::estimate_row(row, {});
  if (!e.ok)
    return line + ",,,,,,,," + csv_cell(e.reason);
  for (const double value : {e.ttft_ms.value, e.tpot_ms.value, e.ttft_ms.low, e.ttft_ms.high, e.tpot_ms.low, e.tpot_ms.high})
    line += ',' + cell_of(value);
  return line + (e.tier == performance::time_tier::measured ? ",measured," : ",fitted,");
}

} // namespace

int run_estimate_rows(const command_line& args) {
  const auto in = args.value("rows"), out = args.value("output");
  std::vector<std::string> errors;
  performance::csv_table table;
  if (std::ifstream file{in, std::ios::binary}; file) {
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    for (const auto& error : [&] {
           std::vector<std::string> found;
           table = performance::read_csv(text, found);
           return found;
         }())
      errors.push_back(in + ": " + error);
    for (const auto& name : performance::missing_columns(table))
      errors.push_back(in + ": line 1: found no column '" + name
                       + "', accepted: the columns backend, model_path, system, isl, osl");
  } else {
    errors.push_back("--rows: cannot read '" + in + "'");
  }
  if (out.empty())
    errors.push_back("--output: found nothing, accepted: a file to write");
  for (const auto& error : errors)
    fprintf(stderr, "%s\n", error.c_str());
  if (!errors.empty())
    return exit_bad_input;
  std::ofstream file{out, std::ios::binary};
  file << "row,id,ttft_ms,tpot_ms,ttft_low_ms,ttft_high_ms,tpot_low_ms,tpot_high_ms,tier,reason\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    file << line_of(performance::read_benchmark_row(table, i)) << '\n';
  file.close();
  if (!file) {
    fprintf(stderr, "--output: cannot write '%s'\n", out.c_str());
    return exit_bad_input;
  }
  printf("%zu rows predicted: %s\n", table.rows.size(), out.c_str());
  return exit_ok;
}

} // namespace sextant
