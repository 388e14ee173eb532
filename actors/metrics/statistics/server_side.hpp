// server_side.hpp: What a server says of a run, beside what the client measured. Pure.
#pragma once

#include <vector>

#include "messages/load_summary.hpp"
#include "messages/server_metrics.hpp"

namespace sextant::statistics {

/// Every series of a page between the last scrape before `begin_ns` and the first one after `end_ns` (CLOCK_MONOTONIC). With
/// fewer than two scrapes there is none.
server_report report_server(const scraped_endpoint& read, int64_t begin_ns, int64_t end_ns);

/// TTFT, time per output token and latency where a known engine or frontend (vLLM, SGLang, TensorRT-LLM, Dynamo) has a
/// histogram of it; series of several workers are added up. What the client sees more is the network's, the frontend's and
/// its own.
std::vector<latency_by_both> compare_latencies(const std::vector<server_series>& server, const load_summary& client);

} // namespace sextant::statistics
