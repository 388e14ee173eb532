// client_connect.cpp: Connections of the HTTP client: opening, handing over, closing.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "adapters/http/client_epoll.hpp"
#include "adapters/http/client_stamps.hpp"

namespace sextant::http {

namespace {

constexpr size_t connecting_at_once = 64; ///< listen queues are short
/// Told once for each arrival, not until all was read: the kernel would look at every socket that had something twice.
constexpr uint32_t readable = EPOLLIN | EPOLLRDHUP | EPOLLET;

} // namespace

link* epoll_client::open_link(uint32_t target_index, size_t address_index, std::string& error, bool& limit) {
  auto& target = targets_[target_index];
  const int fd = open_socket(target, address_index, error, limit);
  if (fd < 0)
    return nullptr;
  auto l = std::make_unique<link>(observer_);
  l->fd = fd;
  l->target = target_index;
  l->address = address_index;
  l->kept_body_bytes = settings_.kept_body_bytes;
  l->since_ns = monotonic_ns();
  l->slot = static_cast<uint32_t>(links_.size());
  epoll_event e{};
  e.events = readable | EPOLLOUT;
  e.data.ptr = l.get();
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
  ++counters_.connections;
  ++target.connecting;
  links_.push_back(std::move(l));
  return links_.back().get();
}

void epoll_client::connected(link& l) {
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(l.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0)
    return broken(l, http_end::refused, std::strerror(problem));
  auto& target = targets_[l.target];
  target.good_address = l.address;
  l.send_stamps = want_send_stamps(l.fd);
  l.socket_bytes = 0;
  if (target.url.tls) {
    l.state = link_state::shaking_hands;
    l.tls = tls_->connect(settings_.server_name.empty() ? target.url.host : settings_.server_name);
    return shake_hands(l);
  }
  ready_for_use(l);
}

/// Sends what the handshake wants sent, and goes on when it is done.
void epoll_client::shake_hands(link& l) {
  auto& out = l.tls->outgoing();
  while (!out.empty()) {
    const auto n = ::send(l.fd, out.data(), out.size(), MSG_NOSIGNAL);
    if (n <= 0) {
      if (n < 0 && errno == EINTR)
        continue;
      return watch(l, errno == EAGAIN); // a broken connection shows when reading
    }
    l.socket_bytes += static_cast<uint32_t>(n);
    out.erase(0, static_cast<size_t>(n));
  }
  watch(l, false);
  if (l.tls->handshake_done())
    ready_for_use(l);
}

void epoll_client::ready_for_use(link& l) {
  auto& target = targets_[l.target];
  --target.connecting;
  ++target.alive;
  l.connect_ns = monotonic_ns() - l.since_ns;
  if (l.has_exchange) {
    l.state = link_state::busy;
    l.current.outcome.connect_ns = l.connect_ns;
    return begin_writing(l);
  }
  l.state = link_state::idle;
  l.used_before = true;
  watch(l, false);
  target.idle.push_back(&l);
}

void epoll_client::close_link(link& l) {
  if (l.state == link_state::dead)
    return;
  auto& target = targets_[l.target];
  if (l.state == link_state::connecting || l.state == link_state::shaking_hands)
    --target.connecting;
  else
    --target.alive;
  if (l.state == link_state::idle && l.sticky == 0)
    target.idle.erase(std::remove(target.idle.begin(), target.idle.end(), &l), target.idle.end());
  if (l.sticky != 0)
    sticky_.erase(l.sticky);
  counters_.retransmits += retransmits_of(l.fd);
  close(l.fd);
  l.fd = -1;
  l.state = link_state::dead;
  dead_.push_back(&l);
  for (size_t i = ready_at_; i < ready_count_; ++i)
    if (ready_[i].data.ptr == &l)
      ready_[i].data.ptr = nullptr;
}

/// Frees what was closed in this turn.
void epoll_client::bury() {
  for (auto* l : dead_) {
    const auto slot = l->slot;
    links_.back()->slot = slot;
    std::swap(links_[slot], links_.back());
    links_.pop_back();
  }
  dead_.clear();
}

void epoll_client::watch(link& l, bool wants_write) {
  if (l.wants_write == wants_write)
    return;
  l.wants_write = wants_write;
  epoll_event e{};
  e.events = wants_write ? readable | EPOLLOUT : readable;
  e.data.ptr = &l;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, l.fd, &e);
}

std::string epoll_client::connect_ahead(size_t wanted, uint32_t target_index) {
  auto& target = targets_[target_index];
  if (target.addresses.empty())
    return target.resolve_error;
  const int64_t until = monotonic_ns() + settings_.connect_timeout_ns;
  std::string error;
  size_t failures = 0;
  for (;;) {
    if (target.alive >= wanted)
      return {};
    if (failures > 0 && target.connecting == 0)
      return target.alive > 0 ? std::string{} : error;
    if (settings_.cancelled && *settings_.cancelled)
      return "cancelled";
    if (monotonic_ns() > until)
      return target.alive > 0 ? std::string{} : "no connection in time";
    bool limit = false;
    while (failures == 0 && target.connecting < connecting_at_once && target.alive + target.connecting < wanted) {
      if (open_link(target_index, target.good_address, error, limit))
        continue;
      if (!limit && target.good_address + 1 < target.addresses.size()) {
        ++target.good_address;
      } else {
        target.good_address = 0;
        ++failures;
      }
    }
    const size_t before = target.alive + target.connecting;
    connect_error_.clear();
    poll(10'000'000, never_ns);
    if (target.alive + target.connecting < before) {
      error = connect_error_.empty() ? "connection refused" : connect_error_;
      if (target.alive == 0 && target.good_address + 1 < target.addresses.size())
        ++target.good_address; // e.g. a server on 127.0.0.1 only, and `localhost` is ::1 first
      else
        ++failures;
    }
  }
}

/// Opens a connection for an exchange; goes on to the next address when one refuses at once.
void epoll_client::launch(exchange e, size_t address_index) {
  std::string error;
  bool limit = false;
  const auto target = e.target;
  for (; address_index < targets_[target].addresses.size() && !limit; ++address_index)
    if (auto* l = open_link(target, address_index, error, limit)) {
      if (e.sticky != 0) {
        l->sticky = e.sticky;
        sticky_[e.sticky] = l;
      }
      return assign(*l, std::move(e));
    }
  end(std::move(e), limit ? http_end::client_limit : http_end::refused, error);
}

void epoll_client::release(uint64_t sticky) {
  const auto found = sticky_.find(sticky);
  if (found == sticky_.end())
    return;
  auto& l = *found->second;
  sticky_.erase(found);
  l.sticky = 0;
  if (l.state == link_state::idle)
    targets_[l.target].idle.push_back(&l);
}

} // namespace sextant::http
