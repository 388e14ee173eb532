// server.hpp: A small HTTP/1.1 server with streamed answers: one epoll loop in one thread, keep-alive, one absolute timer.
// All functions but `stop` belong to the thread that runs `run`; the service is called in that thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sextant {

/// A request as it arrived.
struct http_request {
  std::string method;
  std::string path;  ///< target without the query
  std::string query; ///< behind `?`, undecoded
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers; ///< names in lower case
  int64_t received_ns = 0; ///< with `stamp_requests`: when its last byte came in, CLOCK_MONOTONIC

  /// Value of a header, by its name in lower case; empty if absent.
  std::string_view header(std::string_view name) const;
};

/// One request and its answer. Ids are never used again; calls with an id that is over are ignored.
using http_exchange = uint64_t;

/// What a server serves.
class http_service {
public:
  virtual ~http_service() = default;
  /// A complete request. Answer it now or later; the request lives until this returns and may be moved from.
  virtual void on_request(http_exchange exchange, http_request& request) = 0;
  /// The client left before the answer ended.
  virtual void on_gone(http_exchange exchange) { (void)exchange; }
  /// The deadline of `set_timer` has passed.
  virtual void on_timer() {}
  /// Everything that the last calls wrote was offered to the sockets.
  virtual void on_flushed() {}
};

/// Bounds and fixed parts of a server.
struct http_server_settings {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                   ///< 0: any free one
  size_t max_body_bytes = 64u << 20;   ///< larger bodies get 413
  size_t max_header_bytes = 64u << 10; ///< larger heads get 431
  size_t max_unsent_bytes = 64u << 20; ///< a client that reads less than this is dropped
  std::string common_headers;          ///< whole header lines for every answer, each ending in CR LF
  bool stamp_requests = false;         ///< `received_ns` of requests is wanted; the kernel's stamp where it can be had
  bool share_port = false;             ///< further servers may listen at the same port; the kernel spreads connections
};

/// Counts since the start.
struct http_server_counts {
  uint64_t connections = 0, requests = 0, refused = 0, gone = 0;
};

class http_server {
public:
  virtual ~http_server() = default;
  virtual uint16_t port() const = 0;

  /// Answers with a whole body and ends the exchange. `headers` are whole lines, each ending in CR LF.
  virtual void respond(http_exchange exchange, int status, std::string_view content_type, std::string_view body,
                       std::string_view headers = {}) = 0;
  /// Begins an answer whose parts follow.
  virtual void begin_stream(http_exchange exchange, int status, std::string_view content_type) = 0;
  /// Adds a part. All parts of one turn of the loop leave in one system call per connection.
  virtual void write(http_exchange exchange, std::string_view part) = 0;
  /// Adds a part, and the end of the answer with the `last`, and offers everything buffered to the socket at once: for
  /// parts that carry the time of their sending.
  virtual void write_now(http_exchange exchange, std::string_view part, bool last) = 0;
  /// Bytes of an answer that wait for the socket; 0 for an exchange that is over.
  virtual size_t unsent(http_exchange exchange) = 0;
  /// Ends an answer that `begin_stream` began.
  virtual void end(http_exchange exchange) = 0;

  // -- answers that are wrong on purpose, for tests of clients ------------------------------------------
  /// Adds bytes as they are, whatever stands before them.
  virtual void write_raw(http_exchange exchange, std::string_view bytes) = 0;
  /// Ends the connection with what was written so far, in the middle of the answer: in good order or by a reset.
  virtual void break_off(http_exchange exchange, bool reset) = 0;

  /// Wakes `on_timer` once at a CLOCK_MONOTONIC time in nanoseconds, at once if it is past; 0 = never.
  virtual void set_timer(int64_t deadline_ns) = 0;
  /// Serves until `stop` or `abort`.
  virtual void run() = 0;
  /// Ends `run` after what is buffered was offered to the sockets once. From any thread, also before `run`.
  virtual void stop() = 0;
  /// Ends `run` as a killed process would: every connection is reset. From the loop's thread.
  virtual void abort() = 0;
  virtual http_server_counts counts() const = 0;
};

/// Binds and listens; nothing and an error text if that fails. The service must outlive the server.
std::unique_ptr<http_server> make_http_server(http_service& service, const http_server_settings& settings,
                                              std::string& error);

} // namespace sextant
