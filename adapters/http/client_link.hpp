// client_link.hpp: One connection of the HTTP client and what is read from it. Internal to the client.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include <llhttp.h>

#include "adapters/http/client.hpp"

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
  http_outcome outcome;
  bool retried = false; ///< an idle connection that the server had closed is no failure, once
};

/// Where a connection stands.
enum class link_state : uint8_t { connecting, idle, busy, dead };

/// One connection and what is read from it.
struct link {
  int fd = -1;
  link_state state = link_state::connecting;
  size_t address = 0;
  int64_t since_ns = 0; ///< start of connecting
  bool has_exchange = false;
  exchange current;
  size_t written = 0;
  bool wants_write = true;
  bool used_before = false; ///< was idle once: the server may have closed it meanwhile
  bool answered = false;    ///< any byte of the answer came
  bool complete = false;
  bool events = false; ///< the answer is an event stream
  bool at_value = false;
  int64_t arrived_ns = 0;
  std::string header_name, header_value;
  llhttp_t parser{};
  std::unique_ptr<sse_parser> sse;
  http_observer* observer = nullptr;
};

/// What llhttp calls while it reads an answer; its `data` is the link.
const llhttp_settings_t& parser_settings();

} // namespace sextant::http
