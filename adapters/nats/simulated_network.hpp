// simulated_network.hpp: A message server, its clients and the network between them in virtual time, played by one thread
// from one seed. The server is the in-process broker; what differs is that its clock is ours and its clients are far away.
// Nothing here is safe to call from a second thread.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>

#include "adapters/nats/bus.hpp"

namespace sextant {

/// What the network does between client and server. All times are virtual.
struct network_weather {
  std::chrono::microseconds fastest{50};  ///< one way
  std::chrono::microseconds slowest{500}; ///< one way, ordinarily
  double late = 0;                        ///< share of messages that are up to 100 times slower
  bool dedup = true;                      ///< whether the server knows messages that it has; always true for the real one
  bool expiry = true;                     ///< whether leases run out; always true for the real one
  double lost_pauses = 0.5; ///< share of core messages, written while a client is cut off, that are lost and not sent later
};

/// Server, clients, and the only clock that they know.
class simulated_network {
public:
  using time = std::chrono::steady_clock::time_point;
  simulated_network(uint64_t seed, network_weather weather);
  ~simulated_network();

  /// A client under a name for `cut_off` and the like. The name of one that ended may be used again.
  std::shared_ptr<bus> connect(const std::string& client);

  // -- time -------------------------------------------------------------------------------------------
  time now() const;
  /// Runs something later, after everything that is due before.
  void at(time when, std::function<void()> task);
  /// When something happens next; time::max() = never.
  time next() const;
  /// Lets time pass; everything that is due by then happens, in order.
  void advance(time until);

  // -- faults -----------------------------------------------------------------------------------------
  /// Breaks a client's connection; it comes back after a while. What was on its way is lost, as it is with TCP.
  void cut_off(const std::string& client, std::chrono::milliseconds pause);
  /// The process of a client is gone: it sends nothing more, none of its handlers runs again, they are let go.
  void kill(const std::string& client);
  /// The process of a client stands still: what arrives waits for it.
  void freeze(const std::string& client);
  void thaw(const std::string& client);
  /// Kills the server and starts it again after a pause: connections break, what it kept in memory is gone.
  void restart_server(std::chrono::milliseconds pause);

  struct world;

private:
  std::unique_ptr<world> world_;
};

} // namespace sextant
