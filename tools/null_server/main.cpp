// main.cpp: `null_server`: an OpenAI endpoint without a model. Its first line of output names its URL; SIGTERM and SIGINT
// end it. Exit code 0, 1 if it cannot listen or write its log, 2 for wrong flags.
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "adapters/http/client.hpp"
#include "adapters/http/connection.hpp"
#include "adapters/http/descriptor_limit.hpp"
#include "tools/null_server/null_service.hpp"

using namespace sextant;
using namespace sextant::null_server;

namespace {

constexpr size_t most_connections = 200'000;

struct loop {
  loop(const server_settings& settings, answer_log& log, int64_t origin_ns) : service(settings, log, origin_ns) {}
  null_service service;
  std::unique_ptr<http_server> server;
  std::thread thread;
};

bool refuses(const server_settings& settings) {
  return !settings.faults.empty() && settings.faults.front().kind == fault_kind::refuse;
}

void tell(const server_settings& settings, uint16_t port) {
  std::printf("null_server: http://%s:%u\n", settings.host.c_str(), port);
  std::fflush(stdout);
}

int wait_for_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  int signal = 0;
  sigwait(&ends, &signal);
  return signal;
}

int fail(const std::string& error) {
  std::fprintf(stderr, "null_server: %s\n", error.c_str());
  return 1;
}

/// Keeps a port without listening at it, so that every connection is refused.
int refuse_all(const server_settings& settings) {
  const socket_handle held{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(settings.port);
  socklen_t size = sizeof address;
  if (::inet_pton(AF_INET, settings.host.c_str(), &address.sin_addr) != 1
      || ::bind(held.get(), reinterpret_cast<sockaddr*>(&address), size) != 0)
    return fail("cannot bind to " + settings.host);
  ::getsockname(held.get(), reinterpret_cast<sockaddr*>(&address), &size);
  tell(settings, ntohs(address.sin_port));
  wait_for_end();
  return 0;
}

int serve(const server_settings& settings) {
  http::raise_descriptor_limit(most_connections);
  answer_log log{!settings.log.empty()};
  const int64_t origin_ns = monotonic_ns();
  std::vector<std::unique_ptr<loop>> loops;
  http_server_settings at;
  at.address = settings.host;
  at.port = settings.port;
  at.stamp_requests = true;
  at.share_port = settings.threads > 1;
  for (int i = 0; i < settings.threads; ++i) {
    auto l = std::make_unique<loop>(settings, log, origin_ns);
    std::string error;
    l->server = make_http_server(l->service, at, error);
    if (!l->server)
      return fail(error);
    at.port = l->server->port();
    l->service.attach(*l->server);
    loops.push_back(std::move(l));
  }
  for (auto& l : loops)
    l->thread = std::thread{[&s = *l->server] { s.run(); }};
  tell(settings, at.port);
  wait_for_end();
  for (auto& l : loops)
    l->server->stop();
  for (auto& l : loops) {
    l->thread.join();
    l->service.close();
  }
  const auto error = settings.log.empty() ? std::string{} : log.write(settings.log);
  return error.empty() ? 0 : fail(error);
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string> errors;
  const auto settings = read_settings({argv + 1, argv + argc}, errors);
  if (settings.help) {
    std::fputs(usage_text().c_str(), stdout);
    return 0;
  }
  for (const auto& e : errors)
    std::fprintf(stderr, "null_server: %s\n", e.c_str());
  if (!errors.empty())
    return 2;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr); // before any thread, so that all have it blocked
  return refuses(settings) ? refuse_all(settings) : serve(settings);
}
