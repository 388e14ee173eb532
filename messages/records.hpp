// records.hpp: Token records of one measurement attempt, in packed columns between LOAD and METRICS.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/measure.hpp"

namespace sextant {

/// Everything one request of a measurement left behind. Times are engine nanoseconds since the start of the attempt.
struct request_record {
  uint32_t wave = 0;         ///< 0-based measured wave
  uint32_t index = 0;        ///< prompt index within the plan
  int64_t intended_ns = 0;   ///< when the plan wanted it sent
  int64_t sent_ns = 0;       ///< when it was written
  uint32_t input_tokens = 0; ///< as counted by the engine's `usage`
  uint32_t cached_tokens = 0;
  uint32_t usage_tokens = 0;     ///< output tokens as counted by the engine
  std::string error;             ///< empty when the request finished
  std::vector<int64_t> token_ns; ///< arrival of every output token, ascending
};

/// All records of one attempt at one point, with what LOAD knows about the attempt.
struct attempt_records {
  std::string request;
  measure_point work;
  stop_reason stopped = stop_reason::plan;
  int64_t engine_ns = 0; ///< engine time of the attempt, warming included
  int64_t wall_ns = 0;
  int64_t overhead_ns = 0; ///< wall time beyond the traffic
  double speed = 1;
  std::string clock = "live";
  std::vector<std::string> remarks;
  std::string started;                  ///< wall time of the first measured send, RFC 3339, UTC
  std::string warming_started;          ///< wall time of the first warming send; empty without warming
  std::vector<request_record> requests; ///< measured
  std::vector<request_record> warming;  ///< sent before to fill the KV cache; kept apart, so that no statistic sees them
};

/// Content type of packed records on the wire.
inline constexpr std::string_view records_content_type = "application/x-sextant-records";

/// Packs records into chunks, each at most `max_bytes` (plus one record's overhead) and each self-describing:
/// magic `SXR1`, chunk number, chunk count, attempt header as JSON, then little-endian columns. See records.cpp.
std::vector<std::string> pack_records(const attempt_records& records, size_t max_bytes = 512 * 1024);

/// Puts chunks (in any order) together again; nothing if one is missing, foreign or damaged.
std::optional<attempt_records> unpack_records(const std::vector<std::string>& chunks, std::string* why = nullptr);

} // namespace sextant
