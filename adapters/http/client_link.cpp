// client_link.cpp: Addresses, sockets, and reading one answer.
#include "adapters/http/client_link.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "adapters/http/client_stamps.hpp"

namespace sextant::http {

namespace {

constexpr size_t longest_head_bytes = 256 * 1024;
constexpr unsigned most_loopback_sources = 200;
/// The kernel prefers ports of one parity, 14,000 of the usual range; once they are taken it tries each of them in vain for
/// every further connection, which then takes milliseconds.
constexpr size_t connections_per_source = 10'000;

link& of(llhttp_t* parser) {
  return *static_cast<link*>(parser->data);
}

void to_lower(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

/// Takes in a header that is complete now.
void finish_header(link& l) {
  to_lower(l.header_name);
  if (l.header_name == "content-type") {
    to_lower(l.header_value);
    l.events = l.header_value.find("text/event-stream") != std::string::npos;
  } else if (l.header_name == "retry-after") {
    l.current.outcome.retry_after = l.header_value;
  }
  l.header_name.clear();
  l.header_value.clear();
  l.at_value = false;
}

int count_head(link& l, size_t n) {
  l.head_bytes += n;
  if (l.head_bytes <= longest_head_bytes)
    return 0;
  llhttp_set_error_reason(&l.parser, "a head of more than 256 KiB");
  return HPE_USER;
}

int on_header_field(llhttp_t* p, const char* at, size_t n) {
  auto& l = of(p);
  if (l.at_value)
    finish_header(l);
  l.header_name.append(at, n);
  return count_head(l, n);
}

int on_header_value(llhttp_t* p, const char* at, size_t n) {
  of(p).at_value = true;
  of(p).header_value.append(at, n);
  return count_head(of(p), n);
}

int on_headers_complete(llhttp_t* p) {
  auto& l = of(p);
  finish_header(l);
  l.current.outcome.status = p->status_code;
  l.events = l.events && p->status_code == 200;
  return 0;
}

int on_body(llhttp_t* p, const char* at, size_t n) {
  auto& l = of(p);
  if (l.events)
    l.sse.feed({at, n});
  else if (l.current.outcome.status == 200 && l.observer->on_body(l.current.tag, {at, n}))
    return 0;
  else if (auto& body = l.current.outcome.body; body.size() < l.kept_body_bytes)
    body.append(at, std::min(n, l.kept_body_bytes - body.size()));
  return 0;
}

int on_message_complete(llhttp_t* p) {
  if (p->status_code >= 100 && p->status_code < 200)
    return 0; // interim answer: the real one follows
  auto& l = of(p);
  if (l.events)
    l.sse.finish();
  l.complete = true;
  return HPE_PAUSED;
}

bool is_loopback4(const sockaddr_storage& a) {
  return a.ss_family == AF_INET && (ntohl(reinterpret_cast<const sockaddr_in&>(a).sin_addr.s_addr) >> 24) == 127;
}

/// Gives the socket another address of 127/8 as its own: each has ports of its own.
void bind_loopback(int fd, unsigned source) {
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
  bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own);
}

} // namespace

link::link(http_observer& o)
    : sse([this](const sse_event& event) { observer->on_event(current.tag, event, arrival); }), observer(&o) {
}

void link::begin(exchange e) {
  current = std::move(e);
  has_exchange = true;
  sealed.clear();
  written = 0;
  answered = complete = events = at_value = false;
  head_bytes = 0;
  header_name.clear();
  header_value.clear();
  llhttp_init(&parser, HTTP_RESPONSE, &parser_settings());
  parser.data = this;
  sse.reset();
}

std::vector<address> resolve(const http_url& url, std::string& error) {
  std::vector<address> out;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int rc = getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found);
  if (rc != 0) {
    error = url.host + ": " + gai_strerror(rc);
    return out;
  }
  for (auto* i = found; i; i = i->ai_next) {
    address a;
    std::memcpy(&a.storage, i->ai_addr, i->ai_addrlen);
    a.length = i->ai_addrlen;
    out.push_back(a);
  }
  freeaddrinfo(found);
  return out;
}

int open_socket(link_target& target, size_t address_index, std::string& error, bool& limit) {
  const auto& a = target.addresses[address_index];
  const auto next_source = [&target] {
    ++target.source;
    target.from_source = 0;
  };
  if (++target.from_source > connections_per_source && is_loopback4(a.storage) && target.source < most_loopback_sources)
    next_source();
  for (;;) {
    const int fd = socket(a.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      limit = true;
      error = errno == EMFILE ? "no file descriptor is left (limit RLIMIT_NOFILE)"
                              : std::string{"socket: "} + std::strerror(errno);
      return -1;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    want_arrival_stamps(fd); // without them the user-space stamp is taken
    if (target.source > 0)
      bind_loopback(fd, target.source);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&a.storage), a.length) == 0 || errno == EINPROGRESS)
      return fd;
    const int why = errno;
    close(fd);
    error = std::strerror(why);
    limit = why == EADDRNOTAVAIL || why == ENOBUFS || why == ENOMEM;
    if (why == EADDRNOTAVAIL)
      error = "no local port is left (limit net.ipv4.ip_local_port_range)";
    if (why != EADDRNOTAVAIL || !is_loopback4(a.storage) || target.source == most_loopback_sources)
      return -1;
    next_source();
  }
}

const llhttp_settings_t& parser_settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = on_header_field;
    s.on_header_value = on_header_value;
    s.on_headers_complete = on_headers_complete;
    s.on_body = on_body;
    s.on_message_complete = on_message_complete;
    return s;
  }();
  return settings;
}

} // namespace sextant::http
