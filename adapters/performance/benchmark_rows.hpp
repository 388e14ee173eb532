// benchmark_rows.hpp: Rows of a table of serving benchmarks (columns of silicon_serving_runs.csv) as deployments and
// traffic.
#pragma once

#include <string>
#include <vector>

#include "adapters/performance/csv_table.hpp"
#include "adapters/performance/serving.hpp"

namespace sextant::performance {

/// One row. `reason` says why it makes no sense; then the rest must not be used.
struct benchmark_row {
  std::string row, id, reason;
  bool disaggregated = false;
  engine_group engines; ///< aggregated, or the decode side
  engine_group prefill; ///< disaggregated
  serving_traffic traffic;
  bool counts_known = true;      ///< disaggregated: whether the row says how many engines there are
  bool may_speculate = false;    ///< has draft layers, and nothing says whether they were used
  bool through_frontend = false; ///< measured through Dynamo's frontend, not at an engine's own server
  double waves = 0;              ///< requests over clients as the benchmark ran them; 0: not known
};

/// Columns without which no row can be read.
std::vector<std::string> missing_columns(const csv_table& table);

/// Reads row `index`. Missing optional cells get defaults; labels that cannot be true are repaired from the row itself.
benchmark_row read_benchmark_row(const csv_table& table, std::size_t index);

/// GPUs and their use as a label should say it. Attention data parallel runs of the sample are labelled with squared counts.
parallel_layout repaired_layout(int tp, int pp, int dp, int moe_tp, int moe_ep, bool is_moe);

/// Predicts a row.
serving_estimate estimate_row(const benchmark_row& row, const estimate_context& context);

} // namespace sextant::performance
