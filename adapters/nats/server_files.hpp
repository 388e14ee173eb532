// server_files.hpp: What a private server keeps beside its store: configuration, locks, log. Private to this folder.
#pragma once

#include <cstdint>
#include <string>

namespace sextant::private_files {

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

/// What the server is told.
struct server_config {
  uint16_t port = 0;
  std::string token;
  std::string store_dir;
};

/// Text of the server's configuration file. Pure.
std::string config_text(const server_config& config);

/// Writes a file that only this user may read, whole or not at all. Returns an error text or nothing.
std::string write_secret_file(const std::string& path, const std::string& text);

/// Opens and locks a file; -1 inside when somebody else holds the lock or it cannot be opened (see `error`).
descriptor lock_file(const std::string& path, std::string& error);

/// Path of the server's binary; empty when there is none.
std::string find_server_binary();

/// A loopback port that was free a moment ago; 0 on failure.
uint16_t free_port();

/// Whether a NATS server greets on this loopback port.
bool server_greets(uint16_t port);

/// 256 random bits as hexadecimal text.
std::string random_token();

/// Last lines of a text file.
std::string file_tail(const std::string& path, size_t bytes);

} // namespace sextant::private_files
