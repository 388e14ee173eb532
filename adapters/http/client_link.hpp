// client_link.hpp: One connection of the HTTP client and what is read from it. Internal to the client.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include <llhttp.h>

#include "adapters/http/client.hpp"
#include "adapters/http/tls.hpp"

namespace sextant::http {

/// One address of a server.
struct address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// Every address of a host, or none and an error text.
std::vector<address> resolve(const http_url& url, std::string& error);

/// One request on its way.
struct exchange {
  uint64_t tag = 0;
  std::string_view text;
  uint32_t target = 0;
  uint64_t sticky = 0;
  http_outcome outcome;
  bool retried = false; ///< an idle connection that the server had closed is no failure, once
};

/// Where a connection stands.
enum class link_state : uint8_t { connecting, shaking_hands, idle, busy, dead };

/// One connection and what is read from it.
struct link {
  explicit link(http_observer& observer);

  /// Makes it ready for the answer to another exchange.
  void begin(exchange e);

  int fd = -1;
  link_state state = link_state::connecting;
  uint32_t slot = 0; ///< place among the client's links
  uint32_t target = 0;
  size_t address = 0;
  uint64_t sticky = 0;  ///< whose connection it is, 0 = anybody's
  int64_t since_ns = 0; ///< start of connecting
  int64_t connect_ns = 0;
  bool wants_write = true;
  bool used_before = false; ///< was idle once: the server may have closed it meanwhile
  bool send_stamps = false;
  uint32_t socket_bytes = 0; ///< written since stamps of sent bytes were asked for, modulo 2^32

  bool has_exchange = false;
  exchange current;
  std::string sealed; ///< what TLS made of the text
  size_t written = 0; ///< of the text, or of `sealed`
  std::string_view to_write() const { return tls ? std::string_view{sealed} : current.text; }

  bool received = false; ///< the last read brought something
  bool answered = false; ///< any byte of the answer came
  bool complete = false;
  bool events = false; ///< the answer is an event stream
  bool at_value = false;
  size_t head_bytes = 0;
  size_t kept_body_bytes = 0;
  http_arrival arrival; ///< of the bytes being read
  std::string header_name, header_value;
  llhttp_t parser{};
  sse_parser sse;
  std::unique_ptr<tls_session> tls;
  http_observer* observer;
};

/// One server and the connections to it.
struct link_target {
  http_url url;
  std::vector<address> addresses;
  std::string resolve_error;
  size_t good_address = 0; ///< last one that took a connection
  std::deque<link*> idle;  ///< oldest first, so that equal waves use equal connections
  size_t connecting = 0;   ///< handshakes among them
  size_t alive = 0;        ///< idle or busy
  unsigned source = 0;     ///< loopback only: last byte of the own address is this much above 1 when ports get scarce
  size_t from_source = 0;  ///< connections opened from that address
};

/// What llhttp calls while it reads an answer; its `data` is the link.
const llhttp_settings_t& parser_settings();

/// A socket that connects to an address of the target. -1 and the reason, with `limit` set if this machine is to blame.
int open_socket(link_target& target, size_t address_index, std::string& error, bool& limit);

} // namespace sextant::http
