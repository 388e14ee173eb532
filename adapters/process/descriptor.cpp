// descriptor.cpp: Descriptors, ports, file ends.
#include "adapters/process/descriptor.hpp"

#include <fstream>
#include <iterator>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sextant {

descriptor& descriptor::operator=(descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

descriptor::~descriptor() {
  if (fd_ >= 0)
    ::close(fd_);
}

int descriptor::release() {
  return std::exchange(fd_, -1);
}

namespace {

/// Binds a loopback port, any for 0; the port, or 0 if it is taken.
uint16_t bind_port(uint16_t port) {
  const descriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0
      || ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return 0;
  return ntohs(address.sin_port);
}

} // namespace

uint16_t free_port() {
  return bind_port(0);
}

bool port_is_free(uint16_t port) {
  return port != 0 && bind_port(port) == port;
}

std::string file_tail(const std::string& path, size_t bytes) {
  std::ifstream in{path, std::ios::binary | std::ios::ate};
  if (!in)
    return {};
  const auto size = static_cast<size_t>(in.tellg());
  in.seekg(static_cast<std::streamoff>(size > bytes ? size - bytes : 0));
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace sextant
