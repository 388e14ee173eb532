// client.cpp: The turns of the HTTP client's loop, time-outs, clocks.
#include "adapters/http/client.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <unistd.h>

#include "adapters/http/client_epoll.hpp"
#include "adapters/http/client_stamps.hpp"
#include "adapters/http/descriptor_limit.hpp"

namespace sextant {

namespace http {

namespace {

constexpr int64_t timeout_scan_ns = 20'000'000; ///< how often time-outs are looked for
constexpr size_t scanned_at_least = 1'000;      ///< links in one scan; of many links a 25th: each is seen twice a second
constexpr int64_t clock_sample_ns = 1'000'000;  ///< slewing changes the offset by 0.5 us in this time at most

} // namespace

epoll_client::epoll_client(const std::vector<http_url>& urls, http_observer& observer, const http_client_settings& settings)
    : observer_(observer), settings_(settings), epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stamping_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), buffer_(128 * 1024) {
  raise_descriptor_limit();
  want_arrival_stamps(stamping_);
  for (const auto& url : urls) {
    link_target t;
    t.url = url;
    t.addresses = resolve(url, t.resolve_error);
    counters_.tls = counters_.tls || url.tls;
    targets_.push_back(std::move(t));
  }
  if (counters_.tls)
    tls_ = make_tls_context(settings, tls_error_);
  for (auto& t : targets_)
    if (t.url.tls && !tls_) {
      t.addresses.clear();
      t.resolve_error = tls_error_;
    }
}

epoll_client::~epoll_client() {
  for (auto& l : links_)
    if (l->fd >= 0)
      close(l->fd);
  close(stamping_);
  close(epoll_);
}

// -- waiting ------------------------------------------------------------------------------------------

void epoll_client::wait(int64_t wait_ns) {
  const int64_t before = monotonic_ns();
  if (turn_began_ns_ > 0)
    counters_.longest_turn_ns = std::max(counters_.longest_turn_ns, before - turn_began_ns_);
  const int64_t wait = ended_.empty() ? std::clamp<int64_t>(wait_ns, 0, timeout_scan_ns) : 0;
  const timespec t{0, wait};
  const int capacity = static_cast<int>(ready_.size());
  int n = epoll_pwait2(epoll_, ready_.data(), capacity, &t, nullptr);
  if (n < 0 && errno == ENOSYS)
    n = epoll_wait(epoll_, ready_.data(), capacity, static_cast<int>((wait + 999'999) / 1'000'000));
  ready_count_ = n > 0 ? static_cast<size_t>(n) : 0;
  ready_at_ = 0;
  last_seen_ns_ = turn_began_ns_ = monotonic_ns();
  if (wait > 0)
    counters_.waited_ns += turn_began_ns_ - before;
  if (clock_.age_ns(turn_began_ns_) > clock_sample_ns)
    clock_.take(read_clocks());
}

void epoll_client::poll(int64_t wait_ns, int64_t until_ns) {
  tell_ends();
  if (ready_at_ == ready_count_)
    wait(wait_ns);
  while (ready_at_ < ready_count_) {
    const auto& e = ready_[ready_at_++];
    if (e.data.ptr) {
      handle(*static_cast<link*>(e.data.ptr), e.events);
      tell_ends();
    }
    if (until_ns != never_ns && std::max(last_seen_ns_, monotonic_ns()) >= until_ns)
      break;
  }
  look_for_timeouts();
  tell_ends();
  bury();
}

void epoll_client::handle(link& l, uint32_t events) {
  ++handled_;
  if ((events & EPOLLERR) && l.send_stamps)
    take_send_stamps(l);
  if (l.state == link_state::connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
    connected(l);
  else if (l.state == link_state::shaking_hands && (events & EPOLLOUT))
    shake_hands(l);
  else if (l.state == link_state::busy && (events & EPOLLOUT))
    write_some(l);
  if (l.fd < 0 || l.state == link_state::connecting || !(events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)))
    return;
  const bool has_end = (events & (EPOLLHUP | EPOLLRDHUP)) != 0; // nobody tells again that it is there
  while (read_some(l) || (has_end && l.fd >= 0 && l.received)) {
  }
}

http_arrival epoll_client::arrival_of(int64_t stamp_ns, int64_t earliest_ns) {
  http_arrival a;
  a.seen_ns = last_seen_ns_ = monotonic_ns();
  a.read = ++reads_;
  if (stamp_ns != 0)
    a.at_ns = clock_.to_monotonic(stamp_ns, earliest_ns, a.seen_ns); // 0 around a step of the real-time clock
  a.kernel = a.at_ns != 0;
  if (!a.kernel)
    a.at_ns = a.seen_ns;
  return a;
}

// -- ends ---------------------------------------------------------------------------------------------

void epoll_client::tell_ends() {
  while (!ended_.empty()) {
    auto e = std::move(ended_.front());
    ended_.pop_front();
    --active_;
    observer_.on_end(e.tag, std::move(e.outcome));
  }
}

void epoll_client::check_time(link& l, int64_t now_ns) {
  const bool opening = l.state == link_state::connecting || l.state == link_state::shaking_hands;
  if (opening && now_ns - l.since_ns > settings_.connect_timeout_ns)
    return broken(l, http_end::refused, "no connection in time");
  if (l.state != link_state::busy)
    return;
  if (now_ns - l.current.outcome.sent_ns > settings_.request_timeout_ns)
    return broken(l, http_end::timed_out, "no complete answer in time");
  if (settings_.stall_timeout_ns > 0 && l.answered && now_ns - l.arrival.seen_ns > settings_.stall_timeout_ns)
    broken(l, http_end::stalled, "nothing came for too long in the middle of the answer");
}

void epoll_client::look_for_timeouts() {
  const int64_t now = last_seen_ns_;
  if (now - scanned_ns_ < timeout_scan_ns)
    return;
  scanned_ns_ = now;
  const size_t all = links_.size();
  for (size_t left = std::min(all, std::max(scanned_at_least, all / 25)); left > 0; --left) {
    scan_at_ = scan_at_ + 1 < links_.size() ? scan_at_ + 1 : 0;
    check_time(*links_[scan_at_], now);
  }
}

void epoll_client::cancel(uint64_t tag) {
  const auto found = by_tag_.find(tag);
  if (found == by_tag_.end())
    return;
  found->second->used_before = false;
  broken(*found->second, http_end::cancelled, "cancelled");
}

void epoll_client::cancel_all() {
  for (size_t i = 0; i < links_.size(); ++i)
    if (links_[i]->has_exchange) {
      links_[i]->used_before = false;
      broken(*links_[i], http_end::cancelled, "cancelled");
    }
  tell_ends();
}

http_client_counters epoll_client::counters() const {
  auto c = counters_;
  c.clock_steps = clock_.steps();
  for (const auto& l : links_)
    if (l->fd >= 0)
      c.retransmits += retransmits_of(l->fd);
  return c;
}

} // namespace http

int64_t monotonic_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::unique_ptr<http_client> make_http_client(const std::vector<http_url>& urls, http_observer& observer,
                                              const http_client_settings& settings) {
  return std::make_unique<http::epoll_client>(urls, observer, settings);
}

} // namespace sextant
