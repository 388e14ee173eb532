// jetstream_api.hpp: The texts of the JetStream protocol: what is asked, what is answered. Pure functions, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/nats/bus.hpp"

namespace sextant::jetstream {

inline constexpr std::string_view message_id_header = "Nats-Msg-Id";
inline constexpr std::string_view expected_sequence_header = "Nats-Expected-Last-Subject-Sequence";

/// Error codes of the server that we tell apart.
enum error_code {
  no_error = 0,
  stream_name_in_use = 10058,
  insufficient_resources = 10023,
  storage_exceeded = 10047, ///< the limits of a stream are more than the server has left
  stream_not_found = 10059,
  wrong_last_sequence = 10071,
  store_failed = 10077,
  other_error = 1, ///< an answer that is no answer
};

/// What an API answer says.
struct answer {
  int error = no_error;
  int status = 0;        ///< HTTP-like class of the error
  std::string text;      ///< of the error
  uint64_t sequence = 0; ///< of a stored message
  bool duplicate = false;
  uint64_t pending = 0;       ///< of a created consumer: messages that wait for it
  std::string consumer;       ///< name of a created consumer
  uint64_t last_sequence = 0; ///< of a stream
  std::string created;        ///< of a stream: RFC 3339
  uint64_t total = 0;         ///< of a list
  bool allows_direct = false; ///< of a stream: what servers before 2.9 do not know
};

answer parse_answer(std::string_view json);

/// Whether the same call may succeed later without anybody doing anything.
bool worth_retrying(const answer& a);

/// Whether a message was not stored because the stream is at a limit or the server has no room.
bool says_full(const answer& a);

/// The subject of `Permissions Violation for Publish to "a.b"`; empty for other texts.
std::string forbidden_publish(std::string_view trouble);

/// Where a delivered message stands, read from its acknowledgement subject.
struct position {
  std::string stream, consumer;
  uint64_t deliveries = 0;
  uint64_t stream_sequence = 0;
  uint64_t consumer_sequence = 0;
  int64_t stored_ns = 0;
  uint64_t pending = 0;
};

/// Both forms: `$JS.ACK.<stream>.<consumer>.…` and the newer one with domain and account.
std::optional<position> parse_ack_subject(std::string_view subject);

std::string stream_config(const stream_settings& settings);
std::string bucket_config(const std::string& bucket, std::chrono::milliseconds ttl, int replicas);
std::string bucket_stream(const std::string& bucket);
std::string lease_subject(const std::string& bucket, const std::string& key);
std::string work_consumer_config(const consumer_settings& settings);
std::string follow_consumer_config(const std::string& stream, const std::string& filter, uint64_t from_sequence,
                                   const std::string& inbox, std::chrono::milliseconds heartbeat);
std::string pull_request(int batch, std::chrono::milliseconds expires);
std::string retry_ack(std::chrono::milliseconds after);

} // namespace sextant::jetstream
