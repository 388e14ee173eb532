// connection.hpp: One connection of the HTTP server: its input, its buffered answers, and how answers are written.
#pragma once

#include <string>
#include <string_view>
#include <unistd.h>

#include "adapters/http/request_reader.hpp"
#include "adapters/http/server.hpp"

namespace sextant {

/// A file descriptor that closes itself.
class socket_handle {
public:
  explicit socket_handle(int fd = -1) : fd_(fd) {}
  socket_handle(const socket_handle&) = delete;
  socket_handle& operator=(const socket_handle&) = delete;
  ~socket_handle() { reset(); }
  int get() const { return fd_; }
  void reset(int fd = -1) {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = fd;
  }

private:
  int fd_;
};

/// A client's connection. Belongs to the loop of its server.
struct server_connection {
  server_connection(int socket, uint64_t mark_, const http_server_settings& limits)
      : fd(socket), mark(mark_), reader(limits) {}

  socket_handle fd;
  uint64_t mark = 0; ///< what epoll tells: serial and slot
  request_reader reader;
  std::string ahead; ///< input behind the request that is being answered
  std::string out;
  size_t sent = 0;            ///< bytes of `out` that are gone
  http_exchange exchange = 0; ///< the request that is being answered, 0 = none
  bool head_only = false;     ///< HEAD: no body in the answer
  bool keep_alive = true, chunked = false, streaming = false;
  bool closing = false;   ///< close when `out` is empty
  bool resetting = false; ///< close at once, with a reset
  bool listed = false;    ///< in the list of connections with something to do at the end of the turn
  bool waits_to_write = false;
  bool peer_done = false; ///< nothing more will come in
};

/// The standard text of a status.
std::string_view reason_of(int status);

/// Appends status line and headers, without the empty line behind them.
void append_head(server_connection& c, int status, std::string_view content_type, std::string_view common_headers);

/// Appends a part of a streamed answer, as a chunk where the client understands chunks.
void append_part(server_connection& c, std::string_view part);

} // namespace sextant
