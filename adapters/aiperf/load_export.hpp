// load_export.hpp: A load test in AIPerf's export formats. Pure; equal arguments give equal texts.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/load_summary.hpp"

namespace sextant {

/// Takes the next piece of a file.
using text_sink = std::function<void(std::string_view)>;

/// `profile_export_aiperf.json`. The summary should have the `aiperf` profile; what AIPerf does not know (intervals, p99.9,
/// verdicts, health of the client) stands below the one new key `sextant`.
std::string load_summary_json(const load_facts& facts, const load_summary& summary);

/// `profile_export_aiperf.csv`: request metrics with percentiles, then single values, both in order of their tags.
std::string load_summary_csv(const load_summary& summary);

/// `profile_export.jsonl`: one line per request, warm-up first.
void write_record_lines(const load_records& records, const text_sink& sink);

/// One session of `inputs.json`: its payloads are JSON texts, one per turn.
struct session_inputs {
  std::string session_id;
  std::vector<std::string> payloads;
};

/// `inputs.json`, one session after another, so that big ones need not be in memory at once.
void write_inputs(size_t sessions, const std::function<session_inputs(size_t)>& session, const text_sink& sink);

/// A name in the form of a UUID, equal for equal texts.
std::string stable_uuid(const std::string& text);

/// Value of `X-Request-ID`, as it stands in the exported record.
std::string request_id(const std::string& benchmark_id, uint32_t index);

/// Value of `X-Correlation-ID`, one per session.
std::string correlation_id(const std::string& benchmark_id, uint32_t session);

/// Id of a session in records and inputs, e.g. `session_000004`.
std::string session_name(uint32_t session);

} // namespace sextant
