// estimate_rows.cpp: `sextant estimate --rows IN.csv --output OUT.csv`: one prediction per row of a table of benchmark runs.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "actors/artifacts/files.hpp"
#include "adapters/performance/benchmark_rows.hpp"
#include "adapters/performance/measured_points.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

namespace {

std::string cell_of(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.4f", value);
  return text;
}

/// One line of the output; counts rows that make sense.
std::string line_of(const performance::benchmark_row& row, const performance::estimate_context& context,
                    std::size_t& answered) {
  using performance::csv_cell;
  std::string line = csv_cell(row.row) + ',' + csv_cell(row.id);
  performance::serving_estimate e;
  e.reason = row.reason;
  if (row.reason.empty())
    e = performance::estimate_row(row, context);
  if (!e.ok)
    return line + ",,,,,,,," + csv_cell(e.reason);
  ++answered;
  for (const double value : {e.ttft_ms.value, e.tpot_ms.value, e.ttft_ms.low, e.ttft_ms.high, e.tpot_ms.low, e.tpot_ms.high})
    line += ',' + cell_of(value);
  return line + (e.tier == performance::time_tier::measured ? ",measured," : ",fitted,");
}

/// Reads a table; every mistake of the file and of its header is appended to `errors`.
performance::csv_table table_of(const std::string& option, const std::string& path, std::vector<std::string>& errors) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    errors.push_back(option + ": cannot read '" + path + "'");
    return {};
  }
  std::vector<std::string> found;
  auto table = performance::read_csv(std::string{std::istreambuf_iterator<char>{file}, {}}, found);
  for (const auto& name : performance::missing_columns(table))
    found.push_back("line 1: found no column '" + name
                    + "', accepted: backend, model_path, system, isl, osl and the columns "
                      "of the samples");
  for (const auto& error : found)
    errors.push_back(path + ": " + error);
  return table;
}

} // namespace

performance::measured_points points_of(const command_line& args, const performance::opened_tables& tables,
                                       std::vector<std::string>& errors) {
  performance::measured_points points;
  if (!args.has("measured"))
    return points;
  const auto path = args.value("measured");
  const auto before = errors.size();
  const auto table = table_of("--measured", path, errors);
  if (errors.size() == before)
    points.add_points(table, path, {tables.timers}, errors);
  return points;
}

int run_estimate_rows(const command_line& args, const performance::opened_tables& tables) {
  const auto out = args.value("output");
  std::vector<std::string> errors;
  const auto table = table_of("--rows", args.value("rows"), errors);
  const auto points = points_of(args, tables, errors);
  performance::estimate_context context{tables.timers};
  context.measured = &points;
  if (!tables.error.empty())
    errors.push_back("--tables: found '" + tables.path + "', accepted: a file of tools/import_tables: " + tables.error);
  if (out.empty())
    errors.push_back("--output: found nothing, accepted: a file to write");
  else if (const auto folder = std::filesystem::absolute(out).parent_path();
           access(folder.c_str(), W_OK) != 0 || std::filesystem::is_directory(out))
    errors.push_back("--output: found '" + out + "', accepted: a file in a folder that can be written to");
  for (const auto& error : errors)
    fprintf(stderr, "%s\n", error.c_str());
  if (!errors.empty())
    return exit_bad_input;
  std::string text = "row,id,ttft_ms,tpot_ms,ttft_low_ms,ttft_high_ms,tpot_low_ms,tpot_high_ms,tier,reason\n";
  std::size_t answered = 0;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    text += line_of(performance::read_benchmark_row(table, i), context, answered) + '\n';
  if (const auto error = write_file(out, text); !error.empty()) {
    fprintf(stderr, "--output: %s\n", error.c_str());
    return exit_failed;
  }
  const auto senseless = table.rows.size() - answered;
  printf("%zu of %zu rows predicted: %s\n", answered, table.rows.size(), out.c_str());
  if (senseless > 0)
    printf("%zu make no sense; column `reason` says why\n", senseless);
  printf("%s", note_of_tables(tables).c_str());
  return exit_ok;
}

} // namespace sextant
