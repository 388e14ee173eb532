// nats_link.hpp: One connection to a server, with nats.c hidden behind it. Private to this folder.
// Calls may come from any thread; handlers run on threads of nats.c and must only hand on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "adapters/nats/nats_bus.hpp"

struct __natsConnection;
struct __natsSubscription;

namespace sextant {

/// What became of a publish. `sent` means no more than that the bytes are on their way.
enum class sending { sent, disconnected, refused };

/// A subscription of a link; ends with the object.
class link_subscription {
public:
  explicit link_subscription(__natsSubscription* handle) : handle_(handle) {}
  link_subscription(const link_subscription&) = delete;
  ~link_subscription();
  /// Ends it, but what is on its way still reaches the handler.
  void drain();

private:
  __natsSubscription* handle_;
};

/// Told about the life of a link.
struct link_events {
  std::function<void()> disconnected, reconnected, closed;
  std::function<void(std::string)> trouble; ///< slow consumer, missing permission, ...
};

class nats_link {
public:
  using handler = std::function<void(bus_message)>;

  /// With `reconnects`, a lost connection comes back by itself; else it stays closed.
  static std::unique_ptr<nats_link> connect(const nats_settings& settings, bool reconnects, link_events events,
                                            std::string& error);
  ~nats_link();
  nats_link(const nats_link&) = delete;

  sending publish(const std::string& subject, const std::string& reply, const std::string& body,
                  const std::map<std::string, std::string>& headers);
  std::unique_ptr<link_subscription> subscribe(const std::string& pattern, const std::string& group, handler handle);
  bool flush(std::chrono::milliseconds timeout);
  bool connected() const;
  /// Bytes that the server takes in one message, headers included.
  size_t max_payload() const;
  /// A subject prefix that nobody else uses.
  static std::string new_inbox();

private:
  struct life;
  nats_link(__natsConnection* connection, std::shared_ptr<life> events);

  __natsConnection* connection_;
  std::shared_ptr<life> life_;
};

} // namespace sextant
