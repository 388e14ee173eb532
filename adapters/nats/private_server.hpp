// private_server.hpp: A `nats-server` of our own: JetStream, loopback, random port and token, gone with this process.
#pragma once

#include <memory>
#include <string>

namespace sextant {

/// A supervised child server. It is started again on the same port and store if it dies; it ends with this object and with
/// this process, whatever ends it. A thread of its own forks and watches the server: the parent-death signal follows
/// threads.
class private_server {
public:
  /// Starts a server whose store is `store_dir` (created) and waits until it answers, at most 10 s. Takes a lock on the
  /// store: a second owner gets an error. Returns nothing and an error text on failure (binary missing, store locked, ...).
  static std::unique_ptr<private_server> start(const std::string& store_dir, std::string& error);

  virtual ~private_server() = default;
  virtual std::string url() const = 0;
  virtual std::string token() const = 0;
  virtual int pid() const = 0;
};

} // namespace sextant
