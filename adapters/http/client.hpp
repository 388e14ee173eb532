// client.hpp: HTTP/1.1 client for many streamed answers at once, with arrival times as exact as the kernel gives them.
// One epoll loop that runs inside `poll` in the calling thread. Not thread-safe; one client per thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/sse_parser.hpp"

namespace sextant {

/// Where a server listens: `http://host:port/base`, `https://[::1]:8000`.
struct http_url {
  bool tls = false;
  std::string host; ///< name or address, without brackets
  uint16_t port = 80;
  std::string base;      ///< path prefix without a slash at its end; may be empty
  std::string authority; ///< for the Host header
};

/// Reads an http or https URL; nothing and an error text for anything else.
std::optional<http_url> parse_http_url(std::string_view text, std::string& error);

/// A request as it goes over the wire: request line, headers, body. Made before the clock starts.
std::string http_request_text(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                              const std::vector<std::pair<std::string, std::string>>& headers = {});

/// How an exchange ended.
enum class http_end : uint8_t {
  complete,     ///< the whole answer came, whatever its status
  refused,      ///< no connection: refused, unreachable, not in time, no trust in the certificate
  reset,        ///< the connection broke before the answer was complete
  timed_out,    ///< the answer was not complete in time
  stalled,      ///< nothing came for too long in the middle of an answer
  malformed,    ///< what came is not HTTP
  client_limit, ///< out of descriptors, ports or memory on this side
  cancelled,    ///< `cancel`, `cancel_all`
};

/// When a part of an answer came in. Times are CLOCK_MONOTONIC nanoseconds.
struct http_arrival {
  int64_t at_ns = 0;    ///< the kernel's receive time of the last segment of the read; `seen_ns` where it cannot be had
  int64_t seen_ns = 0;  ///< when this program saw it
  bool kernel = false;  ///< `at_ns` is the kernel's
  bool partial = false; ///< more may have been waiting behind this read: `at_ns` may be too late
  uint64_t read = 0;    ///< number of the read: events with equal numbers share one stamp, that of the last of them
};

/// The end of one exchange. Times are CLOCK_MONOTONIC nanoseconds.
struct http_outcome {
  http_end end = http_end::complete;
  int status = 0;            ///< 0 if no status line came
  std::string body;          ///< of answers that are not event streams; `kept_body_bytes` are kept
  std::string detail;        ///< what was seen, if not complete
  std::string retry_after;   ///< the header of that name
  int64_t sent_ns = 0;       ///< right before the first byte was written
  int64_t written_ns = 0;    ///< right before the last byte was written
  int64_t tx_ns = 0;         ///< when the kernel handed the last byte to the network; 0 = unknown
  int64_t first_byte_ns = 0; ///< arrival of the first byte of the answer; 0 = none came
  int64_t ended_ns = 0;      ///< arrival of the last byte, or when the exchange was given up
  int64_t connect_ns = 0;    ///< time that connecting took, if it was done for this exchange
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
};

/// Told about exchanges, in the thread that polls. New exchanges may be started from inside.
class http_observer {
public:
  virtual ~http_observer() = default;
  /// One event of a 200 answer of type `text/event-stream`.
  virtual void on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) = 0;
  virtual void on_end(uint64_t tag, http_outcome outcome) = 0;
  /// The last byte of the request was written at that time.
  virtual void on_written(uint64_t /*tag*/, int64_t /*written_ns*/) {}
  /// A part of a 200 answer that is no event stream. True takes it: then it is not kept in the outcome.
  virtual bool on_body(uint64_t /*tag*/, std::string_view /*part*/) { return false; }
};

/// What happened to connections so far, and how the loop did.
struct http_client_counters {
  uint64_t connections = 0;    ///< opened
  uint64_t reconnects = 0;     ///< opened again because a kept one was gone
  uint64_t retransmits = 0;    ///< TCP segments sent again, of connections that were closed and open ones when asked
  uint64_t clock_steps = 0;    ///< jumps of CLOCK_REALTIME
  int64_t waited_ns = 0;       ///< time spent in waiting for sockets, active waiting not among it
  int64_t longest_turn_ns = 0; ///< longest time between two looks at the sockets
  bool tls = false;
};

struct http_client_settings {
  int64_t connect_timeout_ns = 5'000'000'000;
  int64_t request_timeout_ns = 600'000'000'000; ///< first byte written to last byte read
  int64_t stall_timeout_ns = 0;                 ///< longest silence after the first byte of an answer; 0 = no limit
  bool keep_connections = true;                 ///< false: a connection for every exchange
  size_t kept_body_bytes = 64 * 1024;
  std::string ca_file;                          ///< authorities for https, PEM; empty = the system's
  std::string ca_pem;                           ///< the same as text; goes before `ca_file`
  std::string certificate_pem;                  ///< own certificate and its chain, for servers that ask; empty = none
  std::string key_pem;                          ///< key of that certificate
  std::string server_name;                      ///< name to find in the server's certificate; empty = the URL's host
  bool verify = true;                           ///< certificate and host name of https
  const std::atomic<bool>* cancelled = nullptr; ///< ends `connect_ahead` early once it is true; must outlive the client
};

/// How one exchange is to be made.
struct http_start_options {
  uint32_t target = 0; ///< index of the URL
  uint64_t sticky = 0; ///< connection of its own, kept under this key until `release`; 0 = any
};

class http_client {
public:
  static constexpr int64_t never_ns = std::numeric_limits<int64_t>::max();

  virtual ~http_client() = default;
  /// Opens connections to one server until `count` are idle or busy, so that connecting is no part of a latency. Blocks at
  /// most the connect time-out. Returns an error text if not one connection could be made.
  virtual std::string connect_ahead(size_t count, uint32_t target = 0) = 0;
  /// Starts an exchange. `text` must live until its end is told.
  virtual void start(uint64_t tag, std::string_view text, const http_start_options& options = {}) = 0;
  /// Handles what is ready; waits for it at most `wait_ns`. Returns early, with things left to do, once the clock has
  /// passed `until_ns`.
  virtual void poll(int64_t wait_ns, int64_t until_ns = never_ns) = 0;
  /// Exchanges whose end was not told yet.
  virtual size_t active() const = 0;
  /// Ends one exchange as cancelled and closes its connection; the end is told by the next `poll`.
  virtual void cancel(uint64_t tag) = 0;
  /// Ends every exchange as cancelled, at once.
  virtual void cancel_all() = 0;
  /// Makes a sticky connection one for all.
  virtual void release(uint64_t sticky) = 0;
  virtual void set_request_timeout(int64_t ns) = 0;
  virtual http_client_counters counters() const = 0;
  /// Sockets that had something so far, and the time spent in waiting for them; cheaper than `counters`.
  virtual uint64_t handled() const = 0;
  virtual int64_t waited_ns() const = 0;
};

/// A client of one or several servers. The observer must outlive it.
std::unique_ptr<http_client> make_http_client(const std::vector<http_url>& urls, http_observer& observer,
                                              const http_client_settings& settings);
inline std::unique_ptr<http_client> make_http_client(const http_url& url, http_observer& observer,
                                                     const http_client_settings& settings) {
  return make_http_client(std::vector<http_url>{url}, observer, settings);
}

/// One exchange from start to end, for control requests.
http_outcome http_fetch(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                        int64_t timeout_ns, const std::vector<std::pair<std::string, std::string>>& headers = {},
                        const http_client_settings& settings = {});

/// What is wrong with these settings for https, e.g. a file that cannot be read or a key that belongs to another
/// certificate; empty if nothing.
std::string tls_settings_error(const http_client_settings& settings);

/// CLOCK_MONOTONIC in nanoseconds.
int64_t monotonic_ns();

} // namespace sextant
