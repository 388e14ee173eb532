// fetch.cpp: One exchange from start to end.
#include "adapters/http/client.hpp"

namespace sextant {

namespace {

/// Keeps the one outcome of a single exchange.
struct single_observer final : http_observer {
  std::optional<http_outcome> outcome;
  void on_event(uint64_t, const sse_event&, const http_arrival&) override {}
  void on_end(uint64_t, http_outcome o) override { outcome = std::move(o); }
};

} // namespace

http_outcome http_fetch(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                        int64_t timeout_ns, const std::vector<std::pair<std::string, std::string>>& headers,
                        const http_client_settings& settings) {
  single_observer observer;
  auto limits = settings;
  limits.connect_timeout_ns = limits.request_timeout_ns = timeout_ns;
  const auto client = make_http_client(url, observer, limits);
  const auto text = http_request_text(url, method, path, body, headers);
  client->start(0, text);
  while (!observer.outcome) {
    client->poll(timeout_ns);
    if (settings.cancelled && *settings.cancelled)
      client->cancel_all();
  }
  return std::move(*observer.outcome);
}

} // namespace sextant
