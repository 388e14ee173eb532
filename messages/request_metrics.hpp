// request_metrics.hpp: What TTFT, ITL and the others mean to AIPerf, vLLM's benchmark, GenAI-Perf and LoadGen, computed from
// the same records. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant {

/// Whether a request counts as answered: no error, and at least one event with output.
bool is_valid(const request_record& record);

/// Prompt tokens: as the engine counted them, else of the plan.
double input_tokens_of(const request_record& record);

/// When an answer ends for this tool: at its last token, or at its last event for tools that wait for the finish reason.
int64_t end_ns(metric_profile profile, const request_record& record);

/// One metric of single requests; NaN where a request has no such number.
struct request_metric {
  const char* tag;
  const char* header;
  const char* unit;
  bool ours = false; ///< AIPerf has none of this name
  bool streaming_only = false;
  bool larger_is_better = false;
  std::function<double(const request_record&)> of;
};

/// The metrics of single requests under a tool's definitions, in the order of its output.
std::vector<request_metric> request_metrics(metric_profile profile);

/// The name of the metric that pools the gaps between events of all requests: `inter_chunk_latency`, or `itl` to vLLM.
request_metric gap_metric(metric_profile profile);

/// The gaps between events of one request, milliseconds, appended.
void append_gaps_ms(metric_profile profile, const request_record& record, std::vector<double>& out);

/// One sentence for each quantity that tools define differently, for the output.
std::vector<std::string> definitions_of(metric_profile profile);

} // namespace sextant
