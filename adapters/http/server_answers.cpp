// server_answers.cpp: Answers of the HTTP server: buffers, sockets, ends.
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "adapters/http/server_loop.hpp"

namespace sextant::http {

void epoll_server::refuse(server_connection& c, int status) {
  ++counts_.refused;
  c.keep_alive = c.head_only = false;
  const std::string body = "{\"message\":\"" + std::string{reason_of(status)} + "\",\"type\":\""
                           + std::string{reason_of(status)} + "\",\"code\":" + std::to_string(status) + "}";
  append_head(c, status, "application/json", settings_.common_headers);
  c.out += "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  finish(c);
}

// -- output -------------------------------------------------------------------------------------------

void epoll_server::respond(http_exchange exchange, int status, std::string_view content_type, std::string_view body,
                           std::string_view headers) {
  auto* c = find(exchange);
  if (!c || c->streaming)
    return;
  append_head(*c, status, content_type, settings_.common_headers);
  c->out += headers;
  c->out += "content-length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (!c->head_only)
    c->out += body;
  finish(*c);
}

void epoll_server::begin_stream(http_exchange exchange, int status, std::string_view content_type) {
  auto* c = find(exchange);
  if (!c || c->streaming)
    return;
  c->streaming = true;
  c->chunked = c->reader.chunks_allowed();
  if (!c->chunked)
    c->keep_alive = false; // the end of the answer is the end of the connection
  append_head(*c, status, content_type, settings_.common_headers);
  c->out += c->chunked ? "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n" : "cache-control: no-cache\r\n\r\n";
  list(*c);
}

void epoll_server::write(http_exchange exchange, std::string_view part) {
  auto* c = find(exchange);
  if (!c || !c->streaming || part.empty() || c->head_only)
    return;
  append_part(*c, part);
  list(*c);
}

void epoll_server::write_now(http_exchange exchange, std::string_view part, bool last) {
  auto* c = find(exchange);
  if (!c || !c->streaming)
    return;
  if (!c->head_only)
    append_part(*c, part);
  if (last)
    end(exchange);
  if (!send_some(*c) || !c->out.empty())
    list(*c); // the end of the turn drops it, or waits until it can be written
}

size_t epoll_server::unsent(http_exchange exchange) {
  const auto* c = find(exchange);
  return c ? c->out.size() - c->sent : 0;
}

void epoll_server::write_raw(http_exchange exchange, std::string_view bytes) {
  if (auto* c = find(exchange); c && !bytes.empty()) {
    c->out += bytes;
    list(*c);
  }
}

void epoll_server::break_off(http_exchange exchange, bool reset) {
  auto* c = find(exchange);
  if (!c)
    return;
  if (reset) {
    const linger at_once{1, 0};
    ::setsockopt(c->fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    send_some(*c);
    c->resetting = true;
  }
  c->keep_alive = false;
  finish(*c);
}

void epoll_server::end(http_exchange exchange) {
  auto* c = find(exchange);
  if (!c || !c->streaming)
    return;
  if (c->chunked && !c->head_only)
    c->out += "0\r\n\r\n";
  finish(*c);
}

void epoll_server::finish(server_connection& c) {
  c.exchange = 0;
  c.streaming = c.chunked = false;
  if (!c.keep_alive)
    c.closing = true;
  list(c);
}

/// Offers what is buffered to the socket. False if the connection is broken.
bool epoll_server::send_some(server_connection& c) {
  while (c.sent < c.out.size()) {
    const auto n = ::send(c.fd.get(), c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return true;
    if (n < 0)
      return false;
    c.sent += static_cast<size_t>(n);
  }
  c.out.clear();
  c.sent = 0;
  return true;
}

/// Sends what is buffered. The connection may be gone afterwards.
void epoll_server::flush(server_connection& c) {
  if (c.resetting || !send_some(c)) {
    drop(c);
    return;
  }
  const bool blocked = c.sent < c.out.size();
  if (blocked && c.out.size() - c.sent > settings_.max_unsent_bytes) {
    drop(c);
    return;
  }
  if (!blocked && c.peer_done && c.exchange == 0) {
    drop(c);
    return;
  }
  if (blocked != c.waits_to_write) {
    c.waits_to_write = blocked;
    const uint32_t input = c.peer_done ? 0 : EPOLLIN | EPOLLRDHUP;
    watch(c.fd.get(), c.mark, input | (blocked ? static_cast<uint32_t>(EPOLLOUT) : 0u), EPOLL_CTL_MOD);
  }
  if (!blocked && c.closing)
    ::shutdown(c.fd.get(), SHUT_WR); // the client closes when it has read the end; its close drops the connection
}

} // namespace sextant::http
