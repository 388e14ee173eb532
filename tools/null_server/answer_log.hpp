// answer_log.hpp: What was really sent and when: the truth that a client's report is held against.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/simulation/engine_metrics.hpp"
#include "tools/null_server/settings.hpp"

namespace sextant::null_server {

/// One answer. Times are CLOCK_MONOTONIC nanoseconds.
struct answer_record {
  uint64_t number = 0;    ///< of the request, in order of arrival
  std::string request_id; ///< its `X-Request-ID`
  fault_kind fault = fault_kind::none;
  std::string_view ended = "open"; ///< `complete`, `fault`, `gone` (the client left), `open` (the server ended)
  bool chat = false, streamed = false;
  int prompt_tokens = 0;
  int asked_tokens = 0;
  int sent_tokens = 0;
  int64_t received_ns = 0;           ///< last byte of the request
  std::vector<int64_t> scheduled_ns; ///< of each event with tokens
  std::vector<int64_t> sent_ns;      ///< right before the event was written
};

/// One line of the log.
std::string json_line(const answer_record& record);

/// Collects the records of all loops; counts them for `/metrics`. Thread-safe.
class answer_log {
public:
  /// `keep`: records are wanted at the end; otherwise they are only counted.
  explicit answer_log(bool keep) : keep_(keep) {}

  /// Number of the next request.
  uint64_t begin(bool chat, bool streamed);
  void end(answer_record record);
  /// A request that was refused because of what it said.
  void refused(bool chat, bool streamed);
  /// The page that `/metrics` serves.
  std::string metrics_page(const std::string& model);
  /// Writes all lines; an error text if that fails.
  std::string write(const std::string& file) const;

private:
  mutable std::mutex mutex_;
  bool keep_;
  uint64_t begun_ = 0, ended_ = 0;
  engine_metrics metrics_;
  lag_record lag_;
  std::vector<answer_record> records_;
};

} // namespace sextant::null_server
