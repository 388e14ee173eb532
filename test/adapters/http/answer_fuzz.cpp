// answer_fuzz.cpp: Arbitrary bytes as a server's answer: cut anywhere, it says the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/client_link.hpp"

using namespace sextant;

namespace {

class listener : public http_observer {
public:
  std::vector<std::string> seen;

private:
  void on_event(uint64_t, const sse_event& event, const http_arrival&) override {
    seen.push_back(std::string{event.name} + '\n' + std::string{event.data});
  }
  void on_end(uint64_t, http_outcome) override {}
};

/// Everything that is known after the bytes: events, body, status, how the parser stands.
std::vector<std::string> read(std::string_view bytes, size_t first_piece) {
  listener events;
  http::link link{events};
  http::exchange exchange;
  exchange.text = "GET / HTTP/1.1\r\n\r\n";
  link.begin(exchange);
  const auto head = bytes.substr(0, first_piece);
  auto state = llhttp_execute(&link.parser, head.data(), head.size());
  if (state == HPE_OK) {
    const auto rest = bytes.substr(head.size());
    state = llhttp_execute(&link.parser, rest.data(), rest.size());
  }
  if (state == HPE_OK)
    state = llhttp_finish(&link.parser);
  auto out = std::move(events.seen);
  out.push_back(std::to_string(link.current.outcome.status) + ' ' + std::to_string(state) + ' '
                + std::to_string(link.complete) + ' ' + link.current.outcome.body + ' ' + link.current.outcome.retry_after);
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  if (read(bytes, 0) != read(bytes, data[0]))
    std::abort();
  return 0;
}
