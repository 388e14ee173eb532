// request_reader.hpp: Bytes of one connection to HTTP requests, one at a time. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "adapters/http/server.hpp"

namespace sextant {

/// What came of a piece of input.
enum class read_state : uint8_t {
  more,      ///< all bytes taken, no request complete yet
  wants_go,  ///< as `more`, and the client waits for `100 Continue` before it sends the body
  complete,  ///< a request is complete; bytes behind it were not taken
  malformed, ///< not HTTP
  too_large_head,
  too_large_body,
};

/// Reads requests out of a byte stream that may be cut anywhere.
class request_reader {
public:
  explicit request_reader(const http_server_settings& limits);
  ~request_reader();

  /// Reads on; `taken` tells how many bytes were used.
  read_state read(std::string_view bytes, size_t& taken);
  /// The request that is complete; valid until the next `read`.
  http_request& request();
  /// Whether the connection may carry another request after this one.
  bool keep_alive() const;
  /// Whether the client understands chunked answers.
  bool chunks_allowed() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace sextant
