// connection.cpp: Status lines, headers and chunks.
#include "adapters/http/connection.hpp"

#include <charconv>

namespace sextant {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

void append_head(server_connection& c, int status, std::string_view content_type, std::string_view common_headers) {
  c.out += "HTTP/1.1 " + std::to_string(status) + " ";
  c.out += reason_of(status);
  c.out += "\r\ncontent-type: ";
  c.out += content_type;
  c.out += "\r\n";
  c.out += common_headers;
  if (!c.keep_alive)
    c.out += "connection: close\r\n";
}

void append_part(server_connection& c, std::string_view part) {
  if (!c.chunked) {
    c.out += part;
    return;
  }
  char size[20];
  const auto end = std::to_chars(size, size + sizeof size, part.size(), 16).ptr;
  c.out.append(size, end);
  c.out += "\r\n";
  c.out += part;
  c.out += "\r\n";
}

} // namespace sextant
