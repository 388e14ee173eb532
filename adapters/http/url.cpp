// url.cpp: Addresses and request texts of the HTTP client.
#include <charconv>

#include "adapters/http/client.hpp"

namespace sextant {

std::optional<http_url> parse_http_url(std::string_view text, std::string& error) {
  const auto refuse = [&](const char* why) -> std::optional<http_url> {
    error = std::string{text} + ": " + why;
    return std::nullopt;
  };
  http_url url;
  url.tls = text.substr(0, 8) == "https://";
  if (!url.tls && text.substr(0, 7) != "http://")
    return refuse("not an http or https URL");
  url.port = url.tls ? 443 : 80;
  const auto rest = text.substr(url.tls ? 8 : 7);
  const auto slash = rest.find('/');
  url.authority = rest.substr(0, slash);
  if (slash != std::string_view::npos)
    url.base = rest.substr(slash);
  while (!url.base.empty() && url.base.back() == '/')
    url.base.pop_back();
  std::string_view host = url.authority, port;
  if (host.substr(0, 1) == "[") {
    const auto close = host.find(']');
    if (close == std::string_view::npos)
      return refuse("an IPv6 address without ]");
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
  } else if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (host.empty())
    return refuse("no host");
  url.host = host;
  if (!port.empty()) {
    const auto* end = port.data() + port.size();
    const auto read = std::from_chars(port.data() + 1, end, url.port);
    if (port.front() != ':' || read.ec != std::errc{} || read.ptr != end || url.port == 0)
      return refuse("not a port number");
  }
  for (const unsigned char c : text)
    if (c <= ' ' || c == 0x7f)
      return refuse("white space or control characters");
  return url;
}

std::string http_request_text(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                              const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string out;
  out.reserve(body.size() + 256);
  out += std::string{method} + ' ' + url.base + std::string{path} + " HTTP/1.1\r\nHost: " + url.authority + "\r\n";
  bool typed = false;
  for (const auto& [name, value] : headers) {
    out += name + ": " + value + "\r\n";
    typed = typed || name == "Content-Type";
  }
  if (!typed && (!body.empty() || method == "POST"))
    out += "Content-Type: application/json\r\n";
  if (!body.empty() || method == "POST")
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  out += "\r\n";
  out += body;
  return out;
}

} // namespace sextant
