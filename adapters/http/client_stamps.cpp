// client_stamps.cpp: SO_TIMESTAMPING (Linux, Documentation/networking/timestamping.rst).
#include "adapters/http/client_stamps.hpp"

#include <cstring>
#include <ctime>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace sextant::http {

namespace {

int64_t ns_of(const timespec& t) {
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

bool set_flags(int fd, unsigned flags) {
  return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) == 0;
}

constexpr unsigned arrival_flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
constexpr unsigned send_flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;

int64_t arrival_stamp(msghdr& message) {
  for (auto* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
      scm_timestamping stamps;
      std::memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
      return ns_of(stamps.ts[0]); // 1 is unused, 2 is the hardware's
    }
  return 0;
}

} // namespace

bool want_arrival_stamps(int fd) {
  return set_flags(fd, arrival_flags);
}

bool want_send_stamps(int fd) {
  return set_flags(fd, arrival_flags | send_flags);
}

void acknowledge_now(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

ssize_t receive_stamped(int fd, void* to, size_t size, int flags, int64_t& stamp_ns) {
  iovec part{to, size};
  alignas(cmsghdr) char control[128];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto n = recvmsg(fd, &message, flags);
  stamp_ns = n < 0 ? 0 : arrival_stamp(message);
  return n;
}

std::optional<send_stamp> take_send_stamp(int fd) {
  alignas(cmsghdr) char control[256];
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
    return std::nullopt;
  send_stamp out;
  for (auto* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
      scm_timestamping stamps;
      std::memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
      out.real_ns = ns_of(stamps.ts[0]);
    } else if (c->cmsg_level == IPPROTO_IP || c->cmsg_level == IPPROTO_IPV6) {
      sock_extended_err error;
      std::memcpy(&error, CMSG_DATA(c), sizeof error);
      if (error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING)
        out.last_byte = error.ee_data;
    }
  }
  return out;
}

uint64_t retransmits_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_total_retrans : 0;
}

} // namespace sextant::http
