// client_exchange.cpp: Exchanges of the HTTP client: writing requests, reading answers, ends.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "adapters/http/client_epoll.hpp"
#include "adapters/http/client_stamps.hpp"

namespace sextant::http {

// -- writing ------------------------------------------------------------------------------------------

void epoll_client::start(uint64_t tag, std::string_view text, const http_start_options& options) {
  ++active_;
  exchange e;
  e.tag = tag;
  e.text = text;
  e.target = options.target;
  e.sticky = options.sticky;
  auto& target = targets_[options.target];
  if (target.addresses.empty())
    return end(std::move(e), http_end::refused, target.resolve_error);
  link* l = nullptr;
  if (const auto own = options.sticky != 0 ? sticky_.find(options.sticky) : sticky_.end(); own != sticky_.end()) {
    l = own->second;
  } else if (!target.idle.empty()) {
    l = target.idle.front();
    target.idle.pop_front();
    if (options.sticky != 0) {
      l->sticky = options.sticky;
      sticky_[options.sticky] = l;
    }
  }
  if (!l || l->state != link_state::idle)
    return launch(std::move(e), target.good_address);
  assign(*l, std::move(e));
  l->state = link_state::busy;
  begin_writing(*l);
}

void epoll_client::assign(link& l, exchange e) {
  by_tag_[e.tag] = &l;
  l.begin(std::move(e));
}

void epoll_client::begin_writing(link& l) {
  l.current.outcome.sent_ns = monotonic_ns();
  l.arrival = {};
  if (l.tls) {
    l.tls->send(l.current.text);
    l.sealed.swap(l.tls->outgoing());
    l.tls->outgoing().clear();
  }
  write_some(l);
}

void epoll_client::write_some(link& l) {
  auto& outcome = l.current.outcome;
  const auto text = l.to_write();
  while (l.written < text.size()) {
    const int64_t before = l.written == 0 ? outcome.sent_ns : monotonic_ns();
    const auto n = ::send(l.fd, text.data() + l.written, text.size() - l.written, MSG_NOSIGNAL);
    if (n > 0) {
      l.written += static_cast<size_t>(n);
      l.socket_bytes += static_cast<uint32_t>(n);
      outcome.bytes_sent += static_cast<uint64_t>(n);
      if (l.written == text.size() && outcome.written_ns == 0) {
        outcome.written_ns = before;
        observer_.on_written(l.current.tag, before);
      }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return watch(l, true);
    } else if (errno != EINTR) {
      break; // the reason shows when reading: an early answer, an end or a reset
    }
  }
  watch(l, false);
}

void epoll_client::take_send_stamps(link& l) {
  while (const auto stamp = take_send_stamp(l.fd)) {
    auto& outcome = l.current.outcome;
    if (l.has_exchange && outcome.written_ns != 0 && stamp->last_byte == l.socket_bytes - 1)
      outcome.tx_ns = clock_.to_monotonic(stamp->real_ns, outcome.sent_ns, monotonic_ns());
  }
}

// -- reading ------------------------------------------------------------------------------------------

/// One read. True: more may be there.
bool epoll_client::read_some(link& l) {
  int64_t stamp_ns = 0;
  const auto n = receive_stamped(l.fd, buffer_.data(), buffer_.size(), 0, stamp_ns);
  l.received = n > 0;
  if (n < 0 && errno == EAGAIN)
    return false;
  if (n < 0 && errno == EINTR)
    return true;
  if (n < 0)
    broken(l, l.state == link_state::shaking_hands ? http_end::refused : http_end::reset, std::strerror(errno));
  else if (n == 0)
    ended_by_peer(l);
  else
    take_read(l, {buffer_.data(), static_cast<size_t>(n)}, stamp_ns);
  return n > 0 && static_cast<size_t>(n) == buffer_.size() && l.fd >= 0; // a read that leaves room has emptied the socket
}

void epoll_client::take_read(link& l, std::string_view bytes, int64_t stamp_ns) {
  if (l.state == link_state::busy) {
    if (!l.answered) // until the next request; every further read acknowledges by itself
      acknowledge_now(l.fd);
    const int64_t earliest = std::max(l.arrival.at_ns, l.current.outcome.sent_ns);
    l.arrival = arrival_of(stamp_ns, earliest);
    l.arrival.partial = bytes.size() == buffer_.size();
    l.current.outcome.bytes_received += bytes.size();
  }
  if (!l.tls) {
    if (!l.has_exchange)
      return close_link(l); // the server talks out of turn
    return take_bytes(l, bytes.data(), bytes.size());
  }
  clear_.clear();
  if (!l.tls->receive(bytes, clear_))
    return broken(l, l.state == link_state::shaking_hands ? http_end::refused : http_end::malformed, l.tls->error());
  if (l.state == link_state::shaking_hands)
    return shake_hands(l);
  if (!clear_.empty() && !l.has_exchange)
    return close_link(l);
  if (auto& more = l.tls->outgoing(); !more.empty() && l.has_exchange) { // TLS has something to say of its own
    l.sealed += more;
    more.clear();
    write_some(l);
  }
  if (!clear_.empty())
    take_bytes(l, clear_.data(), clear_.size());
  if (l.state != link_state::dead && l.tls->peer_closed())
    ended_by_peer(l);
}

void epoll_client::ended_by_peer(link& l) {
  if (l.state == link_state::shaking_hands)
    return broken(l, http_end::refused, "the connection ended in the TLS handshake");
  if (!l.has_exchange)
    return close_link(l);
  // Answers without a length end with the connection; llhttp knows whether this one may.
  if (l.answered) {
    l.used_before = false;
    llhttp_finish(&l.parser);
  }
  if (l.complete)
    return finish(l);
  broken(l, http_end::reset, "the connection ended before the answer did");
}

void epoll_client::take_bytes(link& l, const char* data, size_t n) {
  if (!l.answered) {
    l.answered = true;
    l.current.outcome.first_byte_ns = l.arrival.at_ns;
  }
  const auto rc = llhttp_execute(&l.parser, data, n);
  if (l.complete) {
    const bool extra = rc == HPE_PAUSED && llhttp_get_error_pos(&l.parser) != data + n;
    l.parser.error = HPE_OK;
    const bool whole = l.written == l.to_write().size();
    l.used_before = !extra && whole && llhttp_should_keep_alive(&l.parser) && settings_.keep_connections;
    return finish(l);
  }
  if (rc != HPE_OK) {
    const auto* reason = llhttp_get_error_reason(&l.parser);
    return broken(l, http_end::malformed, std::string{"not HTTP: "} + (reason && *reason ? reason : llhttp_errno_name(rc)));
  }
  if (l.sse.overflow())
    broken(l, http_end::malformed, "an event of more than 4 MiB");
}

// -- ends ---------------------------------------------------------------------------------------------

/// The connection cannot be used further; its exchange is repeated if that is safe, else it ends.
void epoll_client::broken(link& l, http_end how, const std::string& detail) {
  if (l.state == link_state::dead)
    return;
  const bool had = l.has_exchange;
  l.has_exchange = false;
  const bool stale = l.used_before && !l.answered;
  auto e = std::move(l.current);
  const auto address_index = l.address;
  const bool opening = l.state == link_state::connecting;
  close_link(l);
  if (!had) {
    connect_error_ = detail;
    return;
  }
  by_tag_.erase(e.tag);
  if (how == http_end::refused && opening && address_index + 1 < targets_[e.target].addresses.size())
    return launch(std::move(e), address_index + 1);
  if (how == http_end::reset && stale && !e.retried) {
    e.retried = true;
    e.outcome = {};
    ++counters_.reconnects;
    const auto address = targets_[e.target].good_address;
    return launch(std::move(e), address);
  }
  end(std::move(e), how, detail);
}

void epoll_client::finish(link& l) {
  auto e = std::move(l.current);
  l.has_exchange = false;
  by_tag_.erase(e.tag);
  e.outcome.ended_ns = l.arrival.at_ns;
  if (l.used_before) {
    l.state = link_state::idle;
    watch(l, false);
    if (l.sticky == 0)
      targets_[l.target].idle.push_back(&l);
  } else {
    close_link(l);
  }
  end(std::move(e), http_end::complete, {});
}

void epoll_client::end(exchange e, http_end how, const std::string& detail) {
  e.outcome.end = how;
  e.outcome.detail = detail;
  if (e.outcome.ended_ns == 0)
    e.outcome.ended_ns = monotonic_ns();
  ended_.push_back(std::move(e));
}

} // namespace sextant::http
