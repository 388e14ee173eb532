// tls.hpp: TLS of the HTTP client over memory: bytes in, bytes out, no sockets. Internal to the client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "adapters/http/client.hpp"

namespace sextant::http {

/// One TLS connection, client side. Used by one thread.
class tls_session {
public:
  virtual ~tls_session() = default;
  /// Takes what came from the peer; appends what it says in clear to `plain`. False at an error, which `error` tells.
  virtual bool receive(std::string_view bytes, std::string& plain) = 0;
  /// Encrypts; the handshake must be done.
  virtual void send(std::string_view plain) = 0;
  /// What is to go to the peer now; the caller empties it.
  virtual std::string& outgoing() = 0;
  virtual bool handshake_done() const = 0;
  /// The peer said that nothing more will come.
  virtual bool peer_closed() const = 0;
  virtual const std::string& error() const = 0;
};

/// Authorities and rules for all connections of a client.
class tls_context {
public:
  virtual ~tls_context() = default;
  /// Starts a session with a host: its name is sent (SNI) and, when verifying, must be in the certificate.
  virtual std::unique_ptr<tls_session> connect(const std::string& host) = 0;
};

/// TLS 1.2 or later. Nothing and an error text if authorities, certificate or key cannot be read.
std::shared_ptr<tls_context> make_tls_context(const http_client_settings& settings, std::string& error);

} // namespace sextant::http
