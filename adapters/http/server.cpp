// server.cpp: The server's epoll loop. Handlers only fill buffers; sockets are written at the end of each turn, so that
// everything a turn produced for a connection leaves in one system call and no handler sees a connection vanish.
#include "adapters/http/server_loop.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "adapters/http/client.hpp"
#include "adapters/http/client_stamps.hpp"

namespace sextant {

namespace http {

namespace {

constexpr uint64_t listener_mark = ~0ull, timer_mark = ~0ull - 1, wake_mark = ~0ull - 2;
constexpr int64_t clock_sample_ns = 1'000'000; ///< slewing changes the clocks' offset by 0.5 us in this time at most

} // namespace

bool epoll_server::open(std::string& error) {
  auto fail = [&](const char* what) {
    error = std::string{what} + ": " + std::strerror(errno);
    return false;
  };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(settings_.port);
  if (::inet_pton(AF_INET, settings_.address.c_str(), &address.sin_addr) != 1) {
    error = "not an IPv4 address: " + settings_.address;
    return false;
  }
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  wake_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (listener_.get() < 0 || epoll_.get() < 0 || timer_.get() < 0 || wake_.get() < 0)
    return fail("socket");
  const int one = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (settings_.share_port)
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail("bind");
  if (settings_.stamp_requests)
    want_arrival_stamps(listener_.get()); // the kernel begins to stamp some time after the first socket that wants it
  if (::listen(listener_.get(), 4096) != 0)
    return fail("listen");
  socklen_t size = sizeof address;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  watch(listener_.get(), listener_mark, EPOLLIN, EPOLL_CTL_ADD);
  watch(timer_.get(), timer_mark, EPOLLIN, EPOLL_CTL_ADD);
  watch(wake_.get(), wake_mark, EPOLLIN, EPOLL_CTL_ADD);
  return true;
}

void epoll_server::watch(int fd, uint64_t mark, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = mark;
  ::epoll_ctl(epoll_.get(), operation, fd, &event);
}

// -- finding ------------------------------------------------------------------------------------------

server_connection* epoll_server::by_mark(uint64_t mark) {
  const size_t slot = mark & ((1u << slot_bits) - 1);
  if (slot >= slots_.size() || !slots_[slot] || slots_[slot]->mark != mark)
    return nullptr;
  return slots_[slot].get();
}

server_connection* epoll_server::find(http_exchange exchange) {
  const size_t slot = exchange & ((1u << slot_bits) - 1);
  if (exchange == 0 || slot >= slots_.size() || !slots_[slot] || slots_[slot]->exchange != exchange)
    return nullptr;
  return slots_[slot].get();
}

void epoll_server::list(server_connection& c) {
  if (c.listed)
    return;
  c.listed = true;
  listed_.push_back(c.mark);
}

// -- input --------------------------------------------------------------------------------------------

void epoll_server::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) { // wait until a connection ends instead of spinning
        watch(listener_.get(), listener_mark, 0, EPOLL_CTL_MOD);
        accepting_ = false;
      }
      if (errno != ECONNABORTED && errno != EINTR)
        return;
      continue;
    }
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (settings_.stamp_requests)
      want_arrival_stamps(fd);
    size_t slot = slots_.size();
    if (free_slots_.empty()) {
      slots_.emplace_back();
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
    const uint64_t mark = next_serial_++ << slot_bits | slot;
    slots_[slot] = std::make_unique<server_connection>(fd, mark, settings_);
    watch(fd, mark, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
    ++counts_.connections;
  }
}

/// The kernel's stamp as CLOCK_MONOTONIC; now where there is none that can be.
int64_t epoll_server::stamp_of(int64_t real_ns) {
  const int64_t now = monotonic_ns();
  if (clock_.age_ns(now) > clock_sample_ns)
    clock_.take(read_clocks());
  const int64_t at = real_ns != 0 ? clock_.to_monotonic(real_ns, 0, now) : 0;
  return at != 0 ? at : now;
}

void epoll_server::receive(server_connection& c) {
  while (true) {
    int64_t stamp_ns = 0;
    const auto n = settings_.stamp_requests ? receive_stamped(c.fd.get(), input_.data(), input_.size(), 0, stamp_ns)
                                            : ::recv(c.fd.get(), input_.data(), input_.size(), 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return;
    if (n == 0 && c.exchange == 0) { // the client sends no more; it may still read what was answered
      c.peer_done = true;
      list(c);
      return;
    }
    if (n <= 0) {
      drop(c);
      return;
    }
    if (settings_.stamp_requests)
      received_ns_ = stamp_of(stamp_ns);
    const std::string_view bytes{input_.data(), static_cast<size_t>(n)};
    if (c.closing)
      continue; // a refused client may still be sending: read it away so that it sees the answer, not a reset
    if (c.exchange != 0 || !c.ahead.empty()) {
      c.ahead.append(bytes);
      if (c.ahead.size() > settings_.max_body_bytes + settings_.max_header_bytes) {
        drop(c);
        return;
      }
    } else {
      consume(c, bytes);
    }
    if (static_cast<size_t>(n) < input_.size())
      return;
  }
}

void epoll_server::consume(server_connection& c, std::string_view bytes) {
  size_t taken = 0;
  const auto state = c.reader.read(bytes, taken);
  switch (state) {
    case read_state::more:
      return;
    case read_state::wants_go:
      c.out += "HTTP/1.1 100 Continue\r\n\r\n";
      list(c);
      return;
    case read_state::malformed:
      return refuse(c, 400);
    case read_state::too_large_head:
      return refuse(c, 431);
    case read_state::too_large_body:
      return refuse(c, 413);
    case read_state::complete:
      break;
  }
  ++counts_.requests;
  c.ahead.assign(bytes.substr(taken));
  c.keep_alive = c.reader.keep_alive();
  c.head_only = c.reader.request().method == "HEAD";
  c.exchange = next_serial_++ << slot_bits | (c.mark & ((1u << slot_bits) - 1));
  c.reader.request().received_ns = received_ns_;
  service_.on_request(c.exchange, c.reader.request());
}

// -- turns --------------------------------------------------------------------------------------------

/// Answers lead to new requests (pipelining), these to new answers: until nothing is left to do.
void epoll_server::end_turn() {
  for (size_t i = 0; i < listed_.size(); ++i) {
    auto* c = by_mark(listed_[i]);
    if (!c)
      continue;
    c->listed = false;
    if (c->exchange == 0 && !c->ahead.empty() && !c->closing) {
      const std::string bytes = std::move(c->ahead);
      c->ahead.clear();
      consume(*c, bytes);
      if (c->listed)
        continue; // its turn comes again at the end of the list
    }
    flush(*c);
  }
  listed_.clear();
}

void epoll_server::drop(server_connection& c) {
  const auto exchange = c.exchange;
  const size_t slot = c.mark & ((1u << slot_bits) - 1);
  slots_[slot].reset(); // `c` ends here
  free_slots_.push_back(slot);
  if (!accepting_) {
    accepting_ = true;
    watch(listener_.get(), listener_mark, EPOLLIN, EPOLL_CTL_MOD);
  }
  if (exchange != 0) {
    ++counts_.gone;
    service_.on_gone(exchange);
  }
}

// -- the loop -----------------------------------------------------------------------------------------

void epoll_server::set_timer(int64_t deadline_ns) {
  itimerspec at{};
  if (deadline_ns > 0) {
    at.it_value.tv_sec = deadline_ns / 1'000'000'000;
    at.it_value.tv_nsec = deadline_ns % 1'000'000'000;
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

void epoll_server::run() {
  std::array<epoll_event, 512> events;
  while (!stopping_ && !aborted_) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < n && !aborted_; ++i) {
      const auto mark = events[static_cast<size_t>(i)].data.u64;
      const auto what = events[static_cast<size_t>(i)].events;
      uint64_t count = 0;
      if (mark == listener_mark) {
        accept_all();
      } else if (mark == timer_mark) {
        if (::read(timer_.get(), &count, sizeof count) == sizeof count)
          service_.on_timer();
      } else if (mark == wake_mark) {
        while (::read(wake_.get(), &count, sizeof count) > 0) {
        }
      } else if (auto* c = by_mark(mark)) {
        if (what & EPOLLOUT)
          list(*c);
        if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
          receive(*c);
      }
    }
    if (!aborted_) {
      end_turn();
      service_.on_flushed();
    }
  }
  listener_.reset();
  slots_.clear();
  free_slots_.clear();
}

void epoll_server::stop() {
  stopping_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
}

void epoll_server::abort() {
  aborted_ = true;
  const linger reset{1, 0};
  for (auto& c : slots_)
    if (c)
      ::setsockopt(c->fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

} // namespace http

std::unique_ptr<http_server> make_http_server(http_service& service, const http_server_settings& settings,
                                              std::string& error) {
  auto server = std::make_unique<http::epoll_server>(service, settings);
  if (!server->open(error))
    return nullptr;
  return server;
}

} // namespace sextant
