// request_reader.cpp: llhttp behind the request reader.
#include "adapters/http/request_reader.hpp"

#include <algorithm>
#include <cctype>
#include <llhttp.h>

namespace sextant {

namespace {

void lower(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

} // namespace

struct request_reader::state {
  llhttp_t parser{};
  llhttp_settings_t callbacks{};
  size_t max_head = 0, max_body = 0, head = 0;
  http_request request;
  std::string target;
  bool in_value = false, keep_alive = true, minor_zero = false, wants_go = false;
  read_state verdict = read_state::more;

  static state& of(llhttp_t* p) { return *static_cast<state*>(p->data); }

  int refuse(read_state why) {
    verdict = why;
    return HPE_USER;
  }

  int add_head(size_t bytes) {
    head += bytes;
    return head > max_head ? refuse(read_state::too_large_head) : HPE_OK;
  }

  void begin() {
    request = {};
    target.clear();
    head = 0;
    in_value = wants_go = false;
    verdict = read_state::more;
  }

  int field(const char* at, size_t n) {
    if (in_value || request.headers.empty()) {
      request.headers.emplace_back();
      in_value = false;
    }
    request.headers.back().first.append(at, n);
    return add_head(n);
  }

  int value(const char* at, size_t n) {
    if (request.headers.empty())
      return HPE_USER;
    in_value = true;
    request.headers.back().second.append(at, n);
    return add_head(n);
  }

  int head_complete() {
    for (auto& header : request.headers)
      lower(header.first);
    const auto mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos)
      request.query = target.substr(mark + 1);
    request.method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
    minor_zero = parser.http_major == 1 && parser.http_minor == 0;
    if (parser.flags & F_CONTENT_LENGTH) {
      if (parser.content_length > max_body)
        return refuse(read_state::too_large_body);
      request.body.reserve(parser.content_length);
    }
    auto expect = std::string{request.header("expect")};
    lower(expect);
    wants_go = expect == "100-continue";
    return HPE_OK;
  }

  int body(const char* at, size_t n) {
    wants_go = false;
    if (request.body.size() + n > max_body)
      return refuse(read_state::too_large_body);
    request.body.append(at, n);
    return HPE_OK;
  }

  int complete() {
    keep_alive = llhttp_should_keep_alive(&parser) != 0;
    verdict = read_state::complete;
    return HPE_PAUSED;
  }
};

std::string_view http_request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name)
      return value;
  return {};
}

request_reader::request_reader(const http_server_settings& limits) : state_(std::make_unique<state>()) {
  auto& s = *state_;
  s.max_head = limits.max_header_bytes;
  s.max_body = limits.max_body_bytes;
  llhttp_settings_init(&s.callbacks);
  s.callbacks.on_message_begin = [](llhttp_t* p) { return state::of(p).begin(), 0; };
  s.callbacks.on_url = [](llhttp_t* p, const char* at, size_t n) {
    state::of(p).target.append(at, n);
    return state::of(p).add_head(n);
  };
  s.callbacks.on_header_field = [](llhttp_t* p, const char* at, size_t n) { return state::of(p).field(at, n); };
  s.callbacks.on_header_value = [](llhttp_t* p, const char* at, size_t n) { return state::of(p).value(at, n); };
  s.callbacks.on_header_value_complete = [](llhttp_t* p) { return state::of(p).in_value = true, 0; };
  s.callbacks.on_headers_complete = [](llhttp_t* p) { return state::of(p).head_complete(); };
  s.callbacks.on_body = [](llhttp_t* p, const char* at, size_t n) { return state::of(p).body(at, n); };
  s.callbacks.on_message_complete = [](llhttp_t* p) { return state::of(p).complete(); };
  llhttp_init(&s.parser, HTTP_REQUEST, &s.callbacks);
  s.parser.data = &s;
}

request_reader::~request_reader() = default;

read_state request_reader::read(std::string_view bytes, size_t& taken) {
  auto& s = *state_;
  s.verdict = read_state::more;
  const auto error = llhttp_execute(&s.parser, bytes.data(), bytes.size());
  taken = bytes.size();
  if (error == HPE_OK) {
    if (!s.wants_go)
      return read_state::more;
    s.wants_go = false;
    return read_state::wants_go;
  }
  if (error == HPE_PAUSED && s.verdict == read_state::complete) {
    taken = static_cast<size_t>(llhttp_get_error_pos(&s.parser) - bytes.data());
    llhttp_resume(&s.parser);
    return read_state::complete;
  }
  if (s.verdict == read_state::too_large_head || s.verdict == read_state::too_large_body)
    return s.verdict;
  return read_state::malformed;
}

http_request& request_reader::request() {
  return state_->request;
}

bool request_reader::keep_alive() const {
  return state_->keep_alive;
}

bool request_reader::chunks_allowed() const {
  return !state_->minor_zero;
}

} // namespace sextant
