// client_link.cpp: Addresses, and reading one answer.
#include "adapters/http/client_link.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

#include <netdb.h>

namespace sextant::http {

namespace {

constexpr size_t kept_body_bytes = 64 * 1024;

link& of(llhttp_t* parser) {
  return *static_cast<link*>(parser->data);
}

/// Takes in a header that is complete now.
void finish_header(link& l) {
  for (auto* text : {&l.header_name, &l.header_value})
    std::transform(text->begin(), text->end(), text->begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (l.header_name == "content-type")
    l.events = l.header_value.find("text/event-stream") != std::string::npos;
  l.header_name.clear();
  l.header_value.clear();
  l.at_value = false;
}

int on_header_field(llhttp_t* p, const char* at, size_t n) {
  auto& l = of(p);
  if (l.at_value)
    finish_header(l);
  l.header_name.append(at, n);
  return 0;
}

int on_header_value(llhttp_t* p, const char* at, size_t n) {
  of(p).at_value = true;
  of(p).header_value.append(at, n);
  return 0;
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
    l.sse->feed({at, n});
  else if (auto& body = l.current.outcome.body; body.size() < kept_body_bytes)
    body.append(at, std::min(n, kept_body_bytes - body.size()));
  return 0;
}

int on_message_complete(llhttp_t* p) {
  if (p->status_code >= 100 && p->status_code < 200)
    return 0; // interim answer: the real one follows
  of(p).complete = true;
  return HPE_PAUSED;
}

} // namespace

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
