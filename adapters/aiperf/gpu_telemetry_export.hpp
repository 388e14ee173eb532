// gpu_telemetry_export.hpp: What exporters of GPU telemetry said during a run, in AIPerf's formats. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/server_metrics.hpp"

namespace sextant {

/// The measured phase of a run on the clock of the scrapes (CLOCK_MONOTONIC); `offset_ns` added gives wall time.
struct telemetry_span {
  int64_t begin_ns = 0, end_ns = 0, offset_ns = 0;
};

/// `gpu_telemetry_export.jsonl`: one line for each GPU and look at a page, in AIPerf's units (W, MJ, GB, %, degrees C).
/// Pages are those of NVIDIA's DCGM exporter: names `DCGM_FI_...` with a label `gpu`.
std::string gpu_telemetry_lines(const std::vector<scraped_endpoint>& pages, int64_t offset_ns);

/// `telemetry_data` of the summary: endpoint, GPU, metric, statistics over the looks in the measured phase. Cumulative ones
/// (energy, time throttled by power) have their growth in it as `avg`.
std::string gpu_telemetry_json(const std::vector<scraped_endpoint>& pages, const telemetry_span& span);

/// The same as the last section of the CSV file, with its two empty lines before it.
std::string gpu_telemetry_table(const std::vector<scraped_endpoint>& pages, const telemetry_span& span);

} // namespace sextant
