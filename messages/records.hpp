// records.hpp: Token records of one measurement attempt, in packed columns between LOAD and METRICS.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/measure.hpp"

namespace sextant {

/// How a request failed, whatever its words.
enum class request_fault_class : uint8_t {
  none,
  refused,      ///< no connection
  reset,        ///< the connection broke, also half-closed in the middle of an answer
  timed_out,    ///< not complete in time
  stalled,      ///< nothing arrived for too long
  malformed,    ///< not HTTP, bad chunks, not JSON, no proper end of the stream
  client_error, ///< 4xx other than 408 and 429
  rate_limited, ///< 429
  server_error, ///< every other status but 200, and error events in a stream
  wrong_length, ///< finished, but not with the tokens that were asked for
  cancelled,    ///< by the plan, or because the run ended
  client_limit, ///< out of file descriptors, ports or memory: this machine's fault
};

/// What must be known of an arrival time before it is trusted. Bits.
enum arrival_quality : uint8_t {
  arrival_kernel = 0,    ///< stamped by the kernel when the packet came in
  arrival_user = 1,      ///< stamped after the loop woke up: too late by up to the loop's lag
  arrival_coalesced = 2, ///< several events shared one read: between the stamp before and this one
};

/// Everything one request of a measurement left behind. Times are engine nanoseconds since the start of the attempt.
struct request_record {
  uint32_t wave = 0;  ///< 0-based measured wave
  uint32_t index = 0; ///< prompt index within the plan
  uint32_t session = 0;
  uint32_t turn = 0;
  uint16_t url = 0;    ///< which of the endpoints
  uint16_t status = 0; ///< HTTP status, 0 if none came
  request_fault_class fault = request_fault_class::none;
  int64_t intended_ns = 0;     ///< when the plan wanted it sent
  int64_t queued_ns = 0;       ///< when a slot of the client was free for it; 0: not told apart from `sent_ns`
  int64_t sent_ns = 0;         ///< when it was written
  int64_t tx_ns = 0;           ///< when the kernel handed its last byte to the network; 0: unknown
  int64_t first_byte_ns = 0;   ///< first byte of the answer; 0: unknown
  int64_t first_event_ns = 0;  ///< first event with `choices`, also if it has a role only; 0: the first with output
  int64_t first_answer_ns = 0; ///< first event with output that is no reasoning; 0: the first with output
  int64_t last_event_ns = 0;   ///< last event with `choices`, also if it has a finish reason only; 0: the last with output
  int64_t ended_ns = 0;        ///< end of the exchange; 0: unknown
  int64_t connect_ns = 0;      ///< time that connecting took; 0: the connection was there before
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint32_t planned_isl = 0;      ///< prompt tokens by the plan; 0: not stated
  uint32_t planned_osl = 0;      ///< output tokens by the plan; 0: not stated
  uint32_t reasoning_tokens = 0; ///< of the output tokens
  uint32_t input_tokens = 0;     ///< as counted by the engine's `usage`
  uint32_t cached_tokens = 0;
  uint32_t usage_tokens = 0;          ///< output tokens as counted by the engine
  std::string error;                  ///< empty when the request finished
  std::vector<int64_t> token_ns;      ///< arrival of every event with output, ascending
  std::vector<uint16_t> event_tokens; ///< tokens of each event of `token_ns`; empty: one each
  std::vector<uint8_t> event_quality; ///< `arrival_quality` of each; empty: all stamped by the kernel, none coalesced

  bool operator==(const request_record&) const = default;
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
