#include "adapters/performance/measured_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "adapters/performance/benchmark_rows.hpp"

namespace sextant::performance {

namespace {

std::string kind_of(const engine_spec& e) {
  return e.model.name + ' ' + e.gpu.name + ' ' + std::string{to_text(e.backend)};
}

std::string engine_key(const engine_group& group) {
  const auto& e = group.engine;
  const auto& l = e.layout;
  std::string text = kind_of(e) + ' ' + e.model.gemm_quant + ' ' + e.model.moe_quant + ' ' + e.model.kv_quant;
  for (const int size : {l.tp, l.pp, l.dp, l.moe_tp, l.moe_ep})
    text += ' ' + std::to_string(size);
  return text;
}

double load_of_one(const engine_group& engines, const serving_traffic& traffic) {
  return traffic.concurrency / std::max(1, engines.replicas);
}

/// Milliseconds of a cell; 0 if it is empty.
double milliseconds(const csv_table& table, std::size_t row, const char* column, const std::string& place,
                    std::vector<std::string>& errors) {
  const std::string cell{table.cell(row, column)};
  if (cell.empty())
    return 0;
  char* end = nullptr;
  const double value = std::strtod(cell.c_str(), &end);
  if (*end == 0 && std::isfinite(value) && value > 0)
    return value;
  errors.push_back(place + ": " + column + ": found \"" + cell + "\", accepted: milliseconds above 0");
  return 0;
}

} // namespace

std::string deployment_key(const engine_group& engines, const engine_group* prefill) {
  return engine_key(engines) + (prefill ? " behind " + engine_key(*prefill) : "");
}

void measured_points::add_points(const csv_table& table, const std::string& source, const estimate_context& context,
                                 std::vector<std::string>& errors) {
  std::map<std::string, std::vector<calibration_point>> own, shared;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto place = source + ": row " + std::to_string(i + 1);
    const auto row = read_benchmark_row(table, i);
    calibration_point p;
    const auto before = errors.size();
    p.measured_ttft_ms = milliseconds(table, i, "silicon_ttft_ms", place, errors);
    p.measured_tpot_ms = milliseconds(table, i, "silicon_tpot_ms", place, errors);
    if (errors.size() == before && p.measured_ttft_ms == 0 && p.measured_tpot_ms == 0)
      errors.push_back(place + ": found neither silicon_ttft_ms nor silicon_tpot_ms, accepted: at least one of them");
    const auto e = row.reason.empty() ? estimate_row(row, context) : serving_estimate{};
    if (!e.ok) {
      errors.push_back(place + ": " + (row.reason.empty() ? e.reason : row.reason));
      continue;
    }
    p.concurrency = load_of_one(row.engines, row.traffic);
    p.isl = row.traffic.isl;
    p.predicted_ttft_ms = e.ttft_ms.value;
    p.predicted_tpot_ms = e.tpot_ms.value;
    own[deployment_key(row.engines, row.disaggregated ? &row.prefill : nullptr)].push_back(p);
    if (!row.disaggregated)
      shared[kind_of(row.engines.engine)].push_back(p);
  }
  for (const auto& [key, points] : own)
    own_[key] = calibrate(points);
  for (const auto& [key, points] : shared) {
    auto common = calibrate(points);
    for (auto* c : {&common.ttft, &common.tpot}) {
      // Other mappings share the level only, and half of it: their own share of the error is not known.
      c->level /= 2;
      c->slope = c->length = 0;
      c->spread = 1;
    }
    shared_[key] = common;
  }
}

void measured_points::correct(const engine_group& engines, const engine_group* prefill, const serving_traffic& traffic,
                              serving_estimate& estimate) const {
  const double load = traffic.concurrency > 0 ? load_of_one(engines, traffic) : 1;
  if (const auto found = own_.find(deployment_key(engines, prefill)); found != own_.end())
    apply(found->second, estimate, load, traffic.isl);
  else if (const auto common = shared_.find(kind_of(engines.engine)); common != shared_.end() && !prefill)
    apply(common->second, estimate, load, traffic.isl);
}

} // namespace sextant::performance
