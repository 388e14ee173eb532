#include "adapters/aiperf/format.hpp"

#include <cstdio>
#include <ctime>
#include <string_view>

namespace sextant::aiperf {

std::string text_of(const json& x, int indent) {
  return x.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string iso_time(int64_t unix_ns) {
  const time_t seconds = unix_ns / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const auto n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%06d", static_cast<int>(unix_ns / 1000 % 1'000'000));
  return text;
}

std::vector<std::pair<const char*, double>> statistics(const distribution& d) {
  return {{"avg", d.mean}, {"min", d.min}, {"max", d.max}, {"p1", d.p1},   {"p5", d.p5},   {"p10", d.p10}, {"p25", d.p25},
          {"p50", d.p50},  {"p75", d.p75}, {"p90", d.p90}, {"p95", d.p95}, {"p99", d.p99}, {"std", d.std}};
}

json metric_json(const metric_summary& m) {
  json out;
  out["unit"] = m.unit;
  if (m.single) {
    out["avg"] = m.values.mean;
    return out;
  }
  for (const auto& [name, value] : statistics(m.values))
    out[name] = value;
  out["count"] = m.values.count;
  out["sum"] = m.sum;
  return out;
}

std::string table_head() {
  std::string out = "Metric";
  for (const auto& [name, value] : statistics({})) {
    out += std::string{','} + name;
    if (name == std::string_view{"max"})
      out += ",sum";
  }
  return out + '\n';
}

std::string table_cells(const distribution& d) {
  std::string out;
  for (const auto& [name, value] : statistics(d)) {
    out += ',' + two_decimals(value);
    if (name == std::string_view{"max"})
      out += ',' + two_decimals(d.mean * static_cast<double>(d.count));
  }
  return out + '\n';
}

std::string two_decimals(double x) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

} // namespace sextant::aiperf
