// server_metrics_export.hpp: What servers said of themselves, in AIPerf's format. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/load_summary.hpp"
#include "messages/server_metrics.hpp"

namespace sextant {

/// `server_metrics_export.json`: one entry per metric with a series for each endpoint and label set. `offset_ns` added to a
/// scrape's time gives wall time.
std::string server_metrics_json(const load_facts& facts, const std::vector<server_report>& servers, int64_t offset_ns);

} // namespace sextant
