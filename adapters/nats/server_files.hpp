// server_files.hpp: What a private server keeps beside its store: configuration, locks, log. Private to this folder.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/process/descriptor.hpp"

namespace sextant::private_files {

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

/// Whether a NATS server greets on this loopback port.
bool server_greets(uint16_t port);

/// 256 random bits as hexadecimal text.
std::string random_token();

} // namespace sextant::private_files
