// client.cpp: The epoll loop of the HTTP client: connections, exchanges, time-outs.
#include "adapters/http/client.hpp"

#include "adapters/http/client_link.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sextant {

namespace {

using namespace http;

constexpr size_t connecting_at_once = 64;       ///< listen queues are short
constexpr int64_t timeout_scan_ns = 20'000'000; ///< how often time-outs are looked for

int64_t clock_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/// Thousands of connections need as many descriptors; the soft limit is often 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

class epoll_client final : public http_client {
public:
  epoll_client(const http_url& url, http_observer& observer, const http_client_settings& settings)
      : observer_(observer), settings_(settings), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(128 * 1024) {
    raise_descriptor_limit();
    addresses_ = resolve(url, resolve_error_);
  }

  ~epoll_client() override {
    for (auto& l : links_)
      if (l->fd >= 0)
        close(l->fd);
    close(epoll_);
  }

  std::string connect_ahead(size_t count) override;
  void start(uint64_t tag, std::string_view text) override;
  void poll(int64_t wait_ns) override;
  void cancel_all() override;
  size_t active() const override { return active_; }
  void set_request_timeout(int64_t ns) override { settings_.request_timeout_ns = ns; }

private:
  // -- connections ----------------------------------------------------------------------------------
  link* open_link(size_t address_index, std::string& error);
  void connected(link& l);
  void close_link(link& l);
  void watch(link& l, bool wants_write);
  size_t count(link_state state) const {
    return static_cast<size_t>(
        std::count_if(links_.begin(), links_.end(), [=](const auto& l) { return l->state == state; }));
  }

  // -- exchanges ------------------------------------------------------------------------------------
  void assign(link& l, exchange e);
  void launch(exchange e, size_t address_index);
  void write_some(link& l);
  void read_some(link& l);
  void take_bytes(link& l, const char* data, size_t n);
  void broken(link& l, http_end end, const std::string& detail);
  void finish(link& l, http_end end, const std::string& detail);
  void end(exchange e, http_end how, const std::string& detail);

  // -- loop -----------------------------------------------------------------------------------------
  void tell_ends();
  void look_for_timeouts();
  int64_t arrival_of(const msghdr& message, int64_t earliest_ns) const;

  http_observer& observer_;
  http_client_settings settings_;
  int epoll_;
  std::vector<char> buffer_;
  std::vector<address> addresses_;
  std::string resolve_error_;
  size_t good_address_ = 0; ///< last one that took a connection
  std::vector<std::unique_ptr<link>> links_;
  std::deque<link*> idle_; ///< oldest first, so that equal waves use equal connections
  std::deque<exchange> ended_;
  size_t active_ = 0;
  int64_t real_minus_monotonic_ns_ = 0;
  int64_t scanned_ns_ = 0;
};

// -- connections --------------------------------------------------------------------------------------

link* epoll_client::open_link(size_t address_index, std::string& error) {
  const auto& a = addresses_[address_index];
  const int fd = socket(a.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = std::string{"socket: "} + std::strerror(errno);
    return nullptr;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on); // without it the user-space stamp is taken
  if (connect(fd, reinterpret_cast<const sockaddr*>(&a.storage), a.length) != 0 && errno != EINPROGRESS) {
    error = std::strerror(errno);
    close(fd);
    return nullptr;
  }
  auto l = std::make_unique<link>();
  l->fd = fd;
  l->address = address_index;
  l->since_ns = monotonic_ns();
  l->observer = &observer_;
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT;
  e.data.ptr = l.get();
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
  links_.push_back(std::move(l));
  return links_.back().get();
}

void epoll_client::connected(link& l) {
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(l.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0)
    return broken(l, http_end::refused, std::strerror(problem));
  good_address_ = l.address;
  if (l.has_exchange) {
    l.state = link_state::busy;
    return write_some(l);
  }
  l.state = link_state::idle;
  l.used_before = true;
  watch(l, false);
  idle_.push_back(&l);
}

void epoll_client::close_link(link& l) {
  if (l.state == link_state::idle)
    idle_.erase(std::remove(idle_.begin(), idle_.end(), &l), idle_.end());
  if (l.fd >= 0)
    close(l.fd);
  l.fd = -1;
  l.state = link_state::dead;
}

void epoll_client::watch(link& l, bool wants_write) {
  if (l.wants_write == wants_write)
    return;
  l.wants_write = wants_write;
  epoll_event e{};
  e.events = wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
  e.data.ptr = &l;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, l.fd, &e);
}

std::string epoll_client::connect_ahead(size_t wanted) {
  if (addresses_.empty())
    return resolve_error_;
  const int64_t until = monotonic_ns() + settings_.connect_timeout_ns;
  std::string error;
  size_t failures = 0;
  for (;;) {
    const size_t alive = count(link_state::idle) + count(link_state::busy);
    if (alive >= wanted)
      return {};
    size_t connecting = count(link_state::connecting);
    if (failures > 0 && connecting == 0)
      return alive > 0 ? std::string{} : error;
    if (settings_.cancelled && *settings_.cancelled)
      return "cancelled";
    if (monotonic_ns() > until)
      return alive > 0 ? std::string{} : "no connection in time";
    while (failures == 0 && connecting < connecting_at_once && alive + connecting < wanted) {
      if (open_link(good_address_, error)) {
        ++connecting;
      } else if (good_address_ + 1 < addresses_.size()) {
        ++good_address_;
      } else {
        good_address_ = 0;
        ++failures;
      }
    }
    const size_t before = alive + connecting;
    poll(10'000'000);
    if (count(link_state::idle) + count(link_state::busy) + count(link_state::connecting) < before) {
      error = error.empty() ? "connection refused" : error;
      if (alive == 0 && good_address_ + 1 < addresses_.size())
        ++good_address_; // e.g. a server on 127.0.0.1 only, and `localhost` is ::1 first
      else
        ++failures;
    }
  }
}

// -- exchanges ----------------------------------------------------------------------------------------

void epoll_client::start(uint64_t tag, std::string_view text) {
  ++active_;
  exchange e;
  e.tag = tag;
  e.text = text;
  if (addresses_.empty())
    return end(std::move(e), http_end::refused, resolve_error_);
  if (idle_.empty())
    return launch(std::move(e), good_address_);
  auto* l = idle_.front();
  idle_.pop_front();
  assign(*l, std::move(e));
  l->state = link_state::busy;
  write_some(*l);
}

/// Opens a connection for an exchange; goes on to the next address when one refuses at once.
void epoll_client::launch(exchange e, size_t address_index) {
  std::string error;
  for (; address_index < addresses_.size(); ++address_index)
    if (auto* l = open_link(address_index, error))
      return assign(*l, std::move(e));
  end(std::move(e), http_end::refused, error);
}

void epoll_client::assign(link& l, exchange e) {
  l.current = std::move(e);
  l.has_exchange = true;
  l.written = 0;
  l.answered = l.complete = l.events = l.at_value = false;
  l.header_name.clear();
  l.header_value.clear();
  llhttp_init(&l.parser, HTTP_RESPONSE, &parser_settings());
  l.parser.data = &l;
  l.sse = std::make_unique<sse_parser>(
      [&l](const sse_event& event) { l.observer->on_event(l.current.tag, event, l.arrived_ns); });
}

void epoll_client::write_some(link& l) {
  const auto& text = l.current.text;
  if (l.written == 0)
    l.current.outcome.sent_ns = monotonic_ns();
  while (l.written < text.size()) {
    const auto n = send(l.fd, text.data() + l.written, text.size() - l.written, MSG_NOSIGNAL);
    if (n > 0) {
      l.written += static_cast<size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return watch(l, true);
    } else if (errno != EINTR) {
      break; // the reason shows when reading: an early answer, an end or a reset
    }
  }
  watch(l, false);
}

int64_t epoll_client::arrival_of(const msghdr& message, int64_t earliest_ns) const {
  const int64_t now = monotonic_ns();
  auto* m = const_cast<msghdr*>(&message);
  for (auto* c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec t{};
      std::memcpy(&t, CMSG_DATA(c), sizeof t);
      const int64_t stamp = static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec - real_minus_monotonic_ns_;
      if (stamp >= earliest_ns && stamp <= now) // a step of the real-time clock shows here
        return stamp;
    }
  return now;
}

void epoll_client::read_some(link& l) {
  iovec part{buffer_.data(), buffer_.size()};
  alignas(cmsghdr) char control[128];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto n = recvmsg(l.fd, &message, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n < 0)
    return broken(l, http_end::reset, std::strerror(errno));
  if (!l.has_exchange)
    return close_link(l); // the server closed an idle connection, or talks out of turn
  if (n == 0) {
    // Answers without a length end with the connection; llhttp knows whether this one may.
    if (l.answered) {
      l.used_before = false;
      llhttp_finish(&l.parser);
    }
    if (l.complete)
      return finish(l, http_end::complete, {});
    return broken(l, http_end::reset, "the connection ended before the answer did");
  }
  l.arrived_ns = arrival_of(message, std::max(l.arrived_ns, l.current.outcome.sent_ns));
  l.answered = true;
  take_bytes(l, buffer_.data(), static_cast<size_t>(n));
}

void epoll_client::take_bytes(link& l, const char* data, size_t n) {
  const auto rc = llhttp_execute(&l.parser, data, n);
  if (l.complete) {
    const bool extra = rc == HPE_PAUSED && llhttp_get_error_pos(&l.parser) != data + n;
    l.parser.error = HPE_OK;
    const bool reuse = !extra && l.written == l.current.text.size() && llhttp_should_keep_alive(&l.parser);
    l.used_before = reuse;
    return finish(l, http_end::complete, {});
  }
  if (rc != HPE_OK) {
    const auto* reason = llhttp_get_error_reason(&l.parser);
    return broken(l, http_end::malformed, std::string{"not HTTP: "} + (reason && *reason ? reason : llhttp_errno_name(rc)));
  }
  if (l.sse->overflow())
    broken(l, http_end::malformed, "an event of more than 4 MiB");
}

/// The connection cannot be used further; its exchange is repeated if that is safe, else it ends.
void epoll_client::broken(link& l, http_end how, const std::string& detail) {
  const bool had = l.has_exchange;
  l.has_exchange = false;
  const bool stale = l.used_before && !l.answered;
  auto e = std::move(l.current);
  const auto address_index = l.address;
  close_link(l);
  if (!had)
    return;
  if (how == http_end::refused && address_index + 1 < addresses_.size())
    return launch(std::move(e), address_index + 1);
  if (how == http_end::reset && stale && !e.retried) {
    e.retried = true;
    e.outcome = {};
    return launch(std::move(e), good_address_);
  }
  end(std::move(e), how, detail);
}

void epoll_client::finish(link& l, http_end how, const std::string& detail) {
  auto e = std::move(l.current);
  l.has_exchange = false;
  if (l.used_before) {
    l.state = link_state::idle;
    watch(l, false);
    idle_.push_back(&l);
  } else {
    close_link(l);
  }
  e.outcome.ended_ns = l.arrived_ns;
  end(std::move(e), how, detail);
}

void epoll_client::end(exchange e, http_end how, const std::string& detail) {
  e.outcome.end = how;
  e.outcome.detail = detail;
  if (e.outcome.ended_ns == 0)
    e.outcome.ended_ns = monotonic_ns();
  ended_.push_back(std::move(e));
}

// -- loop ---------------------------------------------------------------------------------------------

void epoll_client::tell_ends() {
  while (!ended_.empty()) {
    auto e = std::move(ended_.front());
    ended_.pop_front();
    --active_;
    observer_.on_end(e.tag, std::move(e.outcome));
  }
}

void epoll_client::look_for_timeouts() {
  const int64_t now = monotonic_ns();
  if (now - scanned_ns_ < timeout_scan_ns)
    return;
  scanned_ns_ = now;
  for (size_t i = 0; i < links_.size(); ++i) {
    auto& l = *links_[i];
    if (l.state == link_state::connecting && now - l.since_ns > settings_.connect_timeout_ns)
      broken(l, http_end::refused, "no connection in time");
    else if (l.state == link_state::busy && now - l.current.outcome.sent_ns > settings_.request_timeout_ns)
      broken(l, http_end::timed_out, "no complete answer in time");
  }
}

void epoll_client::poll(int64_t wait_ns) {
  tell_ends();
  epoll_event ready[256];
  const int64_t wait = ended_.empty() ? std::min(wait_ns, timeout_scan_ns) : 0;
  const int n = epoll_wait(epoll_, ready, 256, static_cast<int>((wait + 999'999) / 1'000'000));
  real_minus_monotonic_ns_ = clock_ns(CLOCK_REALTIME) - monotonic_ns();
  for (int i = 0; i < n; ++i) {
    auto& l = *static_cast<link*>(ready[i].data.ptr);
    if (l.state == link_state::connecting && (ready[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
      connected(l);
    else if (l.state == link_state::busy && (ready[i].events & EPOLLOUT))
      write_some(l);
    if (l.fd >= 0 && l.state != link_state::connecting && (ready[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
      read_some(l);
  }
  look_for_timeouts();
  tell_ends();
  std::erase_if(links_, [](const auto& l) { return l->state == link_state::dead; });
}

void epoll_client::cancel_all() {
  for (size_t i = 0; i < links_.size(); ++i)
    if (links_[i]->has_exchange) {
      links_[i]->used_before = false;
      broken(*links_[i], http_end::cancelled, "cancelled");
    }
  tell_ends();
}

} // namespace

int64_t monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

std::unique_ptr<http_client> make_http_client(const http_url& url, http_observer& observer,
                                              const http_client_settings& settings) {
  return std::make_unique<epoll_client>(url, observer, settings);
}

} // namespace sextant
