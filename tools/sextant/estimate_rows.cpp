// estimate_rows.cpp: `sextant estimate --rows IN.csv --output OUT.csv`: one prediction per row of a table of benchmark runs.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "adapters/performance/benchmark_rows.hpp"
#include "adapters/performance/calibration.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

namespace {

std::string cell_of(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.4f", value);
  return text;
}

/// What makes two rows one deployment: model, GPU, back end, formats, mapping.
std::string deployment_of(const performance::benchmark_row& row) {
  const auto label = [](const performance::engine_group& group) {
    const auto& e = group.engine;
    const auto& l = e.layout;
    std::string text =
        e.model.name + ' ' + e.gpu.name + ' ' + e.model.gemm_quant + ' ' + e.model.moe_quant + ' ' + e.model.kv_quant;
    for (const int size : {static_cast<int>(e.backend), l.tp, l.pp, l.dp, l.moe_tp, l.moe_ep, group.replicas})
      text += ' ' + std::to_string(size);
    return text;
  };
  return label(row.engines) + (row.disaggregated ? " behind " + label(row.prefill) : "");
}

using calibrations = std::map<std::string, performance::calibration>;

std::string line_of(const performance::benchmark_row& row, const calibrations& corrections,
                    const performance::estimate_context& context) {
  using performance::csv_cell;
  std::string line = csv_cell(row.row) + ',' + csv_cell(row.id);
  performance::serving_estimate e;
  e.reason = row.reason;
  if (row.reason.empty())
    e = performance::estimate_row(row, context);
  if (!e.ok)
    return line + ",,,,,,,," + csv_cell(e.reason);
  if (const auto found = corrections.find(deployment_of(row)); found != corrections.end())
    apply(found->second, e, row.traffic.concurrency, row.traffic.isl);
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

/// Corrections of all deployments with measured points. Points need silicon_ttft_ms or silicon_tpot_ms.
calibrations corrections_from(const std::string& path, const performance::estimate_context& context,
                              std::vector<std::string>& errors) {
  const auto table = table_of("--measured", path, errors);
  std::map<std::string, std::vector<performance::calibration_point>> points;
  const auto number = [&](std::size_t i, const char* column) {
    const std::string cell{table.cell(i, column)};
    char* end = nullptr;
    const double value = std::strtod(cell.c_str(), &end);
    if (!cell.empty() && (*end != 0 || !(value >= 0)))
      errors.push_back(path + ": row " + std::to_string(i + 1) + ": " + column + ": found \"" + cell + "\", accepted: ms");
    return cell.empty() ? 0 : value;
  };
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto row = performance::read_benchmark_row(table, i);
    performance::calibration_point p;
    p.measured_ttft_ms = number(i, "silicon_ttft_ms");
    p.measured_tpot_ms = number(i, "silicon_tpot_ms");
    const auto e = row.reason.empty() ? performance::estimate_row(row, context) : performance::serving_estimate{};
    if (!e.ok) {
      errors.push_back(path + ": row " + std::to_string(i + 1) + ": " + (row.reason.empty() ? e.reason : row.reason));
      continue;
    }
    p.concurrency = row.traffic.concurrency;
    p.isl = row.traffic.isl;
    p.predicted_ttft_ms = e.ttft_ms.value;
    p.predicted_tpot_ms = e.tpot_ms.value;
    points[deployment_of(row)].push_back(p);
  }
  calibrations all;
  for (const auto& [name, some] : points)
    all[name] = performance::calibrate(some);
  return all;
}

} // namespace

int run_estimate_rows(const command_line& args, const performance::opened_tables& tables) {
  const performance::estimate_context context{tables.timers};
  const auto out = args.value("output");
  std::vector<std::string> errors;
  const auto table = table_of("--rows", args.value("rows"), errors);
  const auto corrections = args.has("measured") ? corrections_from(args.value("measured"), context, errors) : calibrations{};
  if (!tables.error.empty())
    errors.push_back("--tables: found '" + tables.path + "', accepted: a file of tools/import_tables: " + tables.error);
  if (out.empty())
    errors.push_back("--output: found nothing, accepted: a file to write");
  for (const auto& error : errors)
    fprintf(stderr, "%s\n", error.c_str());
  if (!errors.empty())
    return exit_bad_input;
  std::ofstream file{out, std::ios::binary};
  file << "row,id,ttft_ms,tpot_ms,ttft_low_ms,ttft_high_ms,tpot_low_ms,tpot_high_ms,tier,reason\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    file << line_of(performance::read_benchmark_row(table, i), corrections, context) << '\n';
  file.close();
  if (!file) {
    fprintf(stderr, "--output: cannot write '%s'\n", out.c_str());
    return exit_bad_input;
  }
  printf("%zu rows predicted: %s\n%s", table.rows.size(), out.c_str(), note_of_tables(tables).c_str());
  return exit_ok;
}

} // namespace sextant
