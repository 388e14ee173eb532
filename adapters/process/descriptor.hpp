// descriptor.hpp: File descriptors that close themselves, free loopback ports, ends of log files: what owners of child
// processes need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sextant {

/// A file descriptor that closes itself.
class descriptor {
public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor();
  int get() const { return fd_; }
  int release();
  explicit operator bool() const { return fd_ >= 0; }

private:
  int fd_;
};

/// A loopback port that was free a moment ago; 0 on failure.
uint16_t free_port();
/// Whether that loopback port is free now.
bool port_is_free(uint16_t port);

/// Last bytes of a text file; empty if it cannot be read.
std::string file_tail(const std::string& path, size_t bytes);

} // namespace sextant
