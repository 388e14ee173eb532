// answer_reader.hpp: Makes the record of one request from what the HTTP client tells about it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/http/client.hpp"
#include "messages/records.hpp"

namespace sextant::load {

/// The class for an HTTP status; `none` for 200.
request_fault_class fault_of_status(int status);

/// Tokens of each event so that their sum is `tokens`: one each, the rest in proportion to `weights`; where there are
/// fewer tokens than events, some events get none. Both ends of a run of events keep their share within one token.
std::vector<uint16_t> spread_tokens(uint32_t tokens, const std::vector<uint16_t>& weights);

/// Reads the answer to one request. Times in the record are the client's (CLOCK_MONOTONIC) until the owner moves them.
class answer_reader {
public:
  request_record record;

  /// Takes one event. Returns whether it brought output.
  bool take(const sse_event& event, const http_arrival& arrival, bool keep_text);
  /// Takes the end. With `wanted_tokens` > 0 any other number of output tokens is a fault.
  void finish(const http_outcome& outcome, bool keep_text, int wanted_tokens);

  const std::string& text() const { return text_; } ///< of the answer, if kept
  uint32_t output_tokens() const;                   ///< as far as known now
  bool has_output() const { return !record.token_ns.empty(); }

private:
  void add_event(const http_arrival& arrival, uint32_t bytes, uint32_t tokens);
  void flag(size_t event, uint8_t quality);
  void fail(request_fault_class fault, std::string error);
  void finish_complete(const http_outcome& outcome, bool keep_text);
  void count_tokens();
  void check_tokens(int wanted_tokens);

  std::vector<uint16_t> weights_; ///< bytes of each output event
  std::string text_;
  uint64_t last_read_ = 0;
  bool listed_ = false; ///< the engine lists token ids
  bool ended_ = false;  ///< by `[DONE]` or a finish reason
};

} // namespace sextant::load
