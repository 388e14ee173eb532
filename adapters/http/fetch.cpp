// fetch.cpp: One exchange from start to end.
#include "adapters/http/client.hpp"

namespace sextant {

namespace {

/// Keeps the one outcome of a single exchange.
struct single_observer final : http_observer {
  std::optional<http_outcome> outcome;
  void on_event(uint64_t, const sse_event&, int64_t) override {}
  void on_end(uint64_t, http_outcome o) override { outcome = std::move(o); }
};

} // namespace

http_outcome http_fetch(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                        int64_t timeout_ns) {
  single_observer observer;
  http_client_settings settings;
  settings.connect_timeout_ns = settings.request_timeout_ns = timeout_ns;
  const auto client = make_http_client(url, observer, settings);
  const auto text = http_request_text(url, method, path, body);
  client->start(0, text);
  while (!observer.outcome)
    client->poll(timeout_ns);
  return std::move(*observer.outcome);
}

} // namespace sextant
