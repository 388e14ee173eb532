// nats_bus.hpp: The bus over a real NATS server with JetStream.
#pragma once

#include <memory>
#include <string>

#include "adapters/nats/bus.hpp"

namespace sextant {

/// How to reach a server and to be let in. Secrets are never logged.
struct nats_settings {
  std::string url = "nats://127.0.0.1:4222"; ///< `tls://` asks for TLS, also without a file of authorities
  std::string name = "sextant";
  std::string user, password, token;
  std::string credentials_file; ///< a user's JWT and key, as `nsc` writes them
  std::string ca_file;          ///< authorities that may vouch for the server (PEM); empty: those of this machine
  std::string certificate_file; ///< this client's own certificate and key, where the server asks for one
  std::string key_file;
  std::function<void(bool connected, std::string detail)> on_connection; ///< told on loss and return, any thread
};

/// A server's URL as it may be shown: without user, password or token.
std::string shown_url(const std::string& url);

/// Connects; returns nothing and an error text when the server cannot be reached or has no JetStream.
std::unique_ptr<bus> connect_nats(const nats_settings& settings, std::string& error);

} // namespace sextant
