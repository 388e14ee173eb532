// client.hpp: HTTP/1.1 client for many streamed answers at once, with arrival times as exact as the kernel gives them.
// One epoll loop that runs inside `poll` in the calling thread. Not thread-safe; one client per thread and server.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/sse_parser.hpp"

namespace sextant {

/// Where a server listens: `http://host:port/base`, `http://[::1]:8000`.
struct http_url {
  std::string host; ///< name or address, without brackets
  uint16_t port = 80;
  std::string base;      ///< path prefix without a slash at its end; may be empty
  std::string authority; ///< for the Host header
};

/// Reads an http URL; nothing and an error text for anything else (https is not spoken).
std::optional<http_url> parse_http_url(std::string_view text, std::string& error);

/// A request as it goes over the wire: request line, headers, body. Made before the clock starts.
std::string http_request_text(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                              const std::vector<std::pair<std::string, std::string>>& headers = {});

/// How an exchange ended.
enum class http_end : uint8_t {
  complete,  ///< the whole answer came, whatever its status
  refused,   ///< no connection: refused, unreachable or not in time
  reset,     ///< the connection broke before the answer was complete
  timed_out, ///< the answer was not complete in time
  malformed, ///< what came is not HTTP
  cancelled, ///< `cancel_all`
};

/// The end of one exchange. Times are CLOCK_MONOTONIC nanoseconds.
struct http_outcome {
  http_end end = http_end::complete;
  int status = 0;      ///< 0 if no status line came
  std::string body;    ///< of answers that are not event streams; at most 64 KiB are kept
  std::string detail;  ///< what was seen, if not complete
  int64_t sent_ns = 0; ///< right before the first byte was written
  int64_t ended_ns = 0;
};

/// Told about exchanges, in the thread that polls. New exchanges may be started from inside.
class http_observer {
public:
  virtual ~http_observer() = default;
  /// One event of a 200 answer of type `text/event-stream`; `arrived_ns` is the kernel's receive time where it can be had.
  virtual void on_event(uint64_t tag, const sse_event& event, int64_t arrived_ns) = 0;
  virtual void on_end(uint64_t tag, http_outcome outcome) = 0;
};

struct http_client_settings {
  int64_t connect_timeout_ns = 5'000'000'000;
  int64_t request_timeout_ns = 600'000'000'000; ///< first byte written to last byte read
  const std::atomic<bool>* cancelled = nullptr; ///< ends `connect_ahead` early once it is true; must outlive the client
};

class http_client {
public:
  virtual ~http_client() = default;
  /// Opens connections until `count` are idle or busy, so that connecting is no part of a latency. Blocks at most the
  /// connect time-out. Returns an error text if not one connection could be made.
  virtual std::string connect_ahead(size_t count) = 0;
  /// Starts an exchange. `text` must live until its end is told.
  virtual void start(uint64_t tag, std::string_view text) = 0;
  /// Handles what is ready; waits for it at most this long.
  virtual void poll(int64_t wait_ns) = 0;
  /// Exchanges whose end was not told yet.
  virtual size_t active() const = 0;
  /// Ends every exchange as cancelled, at once.
  virtual void cancel_all() = 0;
  virtual void set_request_timeout(int64_t ns) = 0;
};

/// A client of one server. The observer must outlive it.
std::unique_ptr<http_client> make_http_client(const http_url& url, http_observer& observer,
                                              const http_client_settings& settings);

/// One exchange from start to end, for control requests.
http_outcome http_fetch(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                        int64_t timeout_ns);

/// CLOCK_MONOTONIC in nanoseconds.
int64_t monotonic_ns();

} // namespace sextant
