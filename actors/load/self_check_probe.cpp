// self_check_probe.cpp: The probe at start-up: a loopback connection of the client's own, a timer, the clock.
#include <cstring>
#include <ctime>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/load/self_check.hpp"
#include "adapters/http/client.hpp"
#include "adapters/http/client_clock.hpp"
#include "adapters/http/client_stamps.hpp"

namespace sextant::load {

namespace {

constexpr int round_trips = 300;
constexpr int sleeps = 8;
constexpr int clock_reads = 2'000;

/// A file descriptor of the probe.
struct descriptor {
  int fd = -1;
  ~descriptor() {
    if (fd >= 0)
      close(fd);
  }
};

/// Both ends of a loopback connection; false if there is none to be had.
bool connect_pair(descriptor& client, descriptor& server) {
  descriptor listener;
  listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  if (listener.fd < 0 || bind(listener.fd, address, size) != 0 || listen(listener.fd, 1) != 0
      || getsockname(listener.fd, address, &size) != 0)
    return false;
  client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  http::want_arrival_stamps(client.fd);
  if (client.fd < 0 || connect(client.fd, address, size) != 0)
    return false;
  server.fd = accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  const int on = 1;
  setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return server.fd >= 0;
}

/// One byte there and one back, through epoll as the load loop does it.
void one_round_trip(const descriptor& client, const descriptor& server, int epoll, start_probe& out, delay_histogram& trips,
                    delay_histogram& wakes) {
  char byte = 'x';
  http::clock_offset clock;
  const int64_t begin = monotonic_ns();
  if (send(client.fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(server.fd, &byte, 1, 0) != 1
      || send(server.fd, &byte, 1, MSG_NOSIGNAL) != 1)
    return;
  epoll_event ready{};
  epoll_wait(epoll, &ready, 1, 100);
  int64_t stamp = 0;
  if (http::receive_stamped(client.fd, &byte, 1, MSG_DONTWAIT, stamp) != 1)
    return;
  const int64_t seen = monotonic_ns();
  trips.add(seen - begin);
  clock.take(http::read_clocks());
  if (stamp != 0)
    if (const int64_t at = clock.to_monotonic(stamp, begin, seen); at != 0) {
      out.kernel_rx = true;
      wakes.add(seen - at);
    }
  if (http::take_send_stamp(client.fd))
    out.kernel_tx = true;
}

} // namespace

start_probe probe_machine() {
  start_probe out;
  const int64_t begin = monotonic_ns();
  for (int i = 0; i < clock_reads; ++i)
    monotonic_ns();
  out.clock_read_ns = static_cast<double>(monotonic_ns() - begin) / clock_reads;

  delay_histogram timer, trips, wakes;
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  for (int i = 0; i < sleeps; ++i) {
    const int64_t until = monotonic_ns() + 1'000'000;
    const timespec t{until / 1'000'000'000, until % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
    timer.add(monotonic_ns() - until);
  }
  prctl(PR_SET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL); // the default again
  descriptor client, server, epoll;
  epoll.fd = epoll_create1(EPOLL_CLOEXEC);
  if (connect_pair(client, server) && http::want_send_stamps(client.fd)) {
    epoll_event e{};
    e.events = EPOLLIN;
    epoll_ctl(epoll.fd, EPOLL_CTL_ADD, client.fd, &e);
    for (int i = 0; i < round_trips; ++i)
      one_round_trip(client, server, epoll.fd, out, trips, wakes);
  }
  out.timer = timer.quantiles();
  out.round_trip = trips.quantiles();
  out.wake_up = wakes.quantiles();
  out.took_ns = monotonic_ns() - begin;
  out.done = true;
  return out;
}

} // namespace sextant::load
