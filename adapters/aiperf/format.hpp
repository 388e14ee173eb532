// format.hpp: How AIPerf writes numbers, times and statistics; shared by the exports of points and of load tests.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/load_summary.hpp"

namespace sextant::aiperf {

using json = nlohmann::ordered_json;

inline constexpr const char* schema_version = "1.5";
inline constexpr const char* imitated_version = "0.13.0";

/// JSON text; bytes that are not UTF-8 are replaced. `indent` -1: one line.
std::string text_of(const json& x, int indent);

/// A time in AIPerf's form, microseconds and no zone; ours is UTC.
std::string iso_time(int64_t unix_ns);

/// Statistics in AIPerf's order.
std::vector<std::pair<const char*, double>> statistics(const distribution& d);

/// A metric with its unit: all statistics, or `avg` alone for a single number.
json metric_json(const metric_summary& m);

/// First line of its table: `Metric` and the names of the statistics.
std::string table_head();

/// A line's numbers, each after a comma.
std::string table_cells(const distribution& d);

std::string two_decimals(double x);

} // namespace sextant::aiperf
