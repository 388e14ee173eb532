// nats_bus.hpp: The bus over a real NATS server with JetStream.
#pragma once

#include <memory>
#include <string>

#include "adapters/nats/bus.hpp"

namespace sextant {

/// How to reach a server. Secrets are never logged.
struct nats_settings {
  std::string url = "nats://127.0.0.1:4222";
  std::string name = "sextant";
  std::string user, password, token;
  std::string credentials_file;
  std::string ca_file;
  std::function<void(bool connected, std::string detail)> on_connection; ///< told on loss and return, any thread
};

/// Connects; returns nothing and an error text when the server cannot be reached or has no JetStream.
std::unique_ptr<bus> connect_nats(const nats_settings& settings, std::string& error);

} // namespace sextant
