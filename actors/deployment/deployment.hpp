// deployment.hpp: DEPLOYMENT leases GPUs and runs engines on a host, one ENGINE actor for each.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <caf/actor_clock.hpp>
#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/deployment/placement.hpp"
#include "actors/mail.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "messages/codec.hpp"

namespace sextant {

/// What became of an engine, from its ENGINE actor to DEPLOYMENT.
struct engine_news {
  enum kind_type { ready, failed, gone } kind = ready;
  std::string key;
  hosted_engine engine; ///< with `ready`
  failure error;        ///< with `failed`
};

/// Asks an ENGINE actor to end its engine.
struct end_engine {};

/// Interface of an ENGINE actor, which owns one engine on the host from apply to remove.
using engine_actor = caf::typed_actor<
    // Starts the engine.
    caf::reacts_to<reminder>,
    // News from the host.
    caf::reacts_to<engine_news>,
    // Ends the engine, then quits.
    caf::reacts_to<end_engine>>;

/// Interface of DEPLOYMENT.
using deployment_actor = caf::typed_actor<
    // Engines to start and to release.
    caf::reacts_to<bus_mail>,
    // Whether an engine is still wanted.
    caf::reacts_to<work_verdict>,
    // Whether this process (still) is its node.
    caf::reacts_to<lease_mail>,
    // What became of an engine.
    caf::reacts_to<engine_news>,
    // Ticks once a second.
    caf::reacts_to<reminder>>;

/// What this node offers.
struct deployment_settings {
  std::string pool = "default";
  std::string zone = "local"; ///< where the endpoints of its engines are reached
  std::string gpu;            ///< type of its GPUs
  int gpus = 8;
  std::string version; ///< of the program
  std::shared_ptr<engine_host> host;
};

/// State of DEPLOYMENT. It owns its node's GPUs through a lease on the node's name, whose value is what the node offers and
/// runs: two processes never hand out the same GPUs. When it is restarted its engines end, and their searches see that in
/// the lease.
struct deployment_state {
  static inline const char* name = "deployment";

  ~deployment_state();
  void start();
  void take(const bus_mail& mail);
  void take_verdict(const work_verdict& verdict);
  void take_lease(const lease& answer);
  void take_news(const engine_news& news);
  void engine_ended(const caf::down_msg& down);
  void tick();

  /// One engine between its arrival as work and the moment its GPUs are free again.
  struct held_engine {
    std::string key;
    std::string request;
    deploy_engine what;
    delivery_ptr receipt; ///< until ready or failed
    engine_actor actor;   ///< once started
    bool ready = false;
    bool releasing = false;
    int passed_over = 0;                ///< later arrivals that were started before it
    bool failed = false;                ///< its failure or loss is published already
    caf::actor_clock::time_point since; ///< start of the lease on its GPUs
  };

  // -- steps ------------------------------------------------------------------------------------------
  void take_work();
  void leave_node();
  /// What this node offers and runs now.
  node_alive offer() const;
  void take_neighbour(const envelope& e);
  void drain(bool on, const std::string& reply);
  /// Where an engine belongs, by what every node of the pool last said.
  placement place_of(const held_engine& engine) const;
  /// Gives work back that waits here while another node has room.
  void hand_back_what_others_can_start();
  void enqueue(const envelope& e, const delivery_ptr& receipt);
  void start_what_fits();
  void release(const envelope& e);
  void publish(const held_engine& engine, const std::string& what, const result_event& result, bool settle);
  void forget(const std::string& key);
  /// Renews the lease with what is true now, or asks for it.
  void say_alive();
  int free_gpus() const;
  held_engine* find(const std::string& key);

  deployment_actor::pointer self = nullptr;
  surroundings around;
  deployment_settings settings;
  /// A node of the pool as it was last heard.
  struct neighbour {
    node_offer offer;
    int age = 0; ///< ticks since then
  };

  bool draining = false;
  std::map<std::string, neighbour> neighbours; ///< by node
  lease node_lease;                            ///< revision 0: another process is this node, or was until lately
  bool asking = false;                         ///< an answer about the lease is on its way
  bool stale = false;                          ///< something changed since it was asked
  uint64_t tickets = 0;
  std::map<uint64_t, held_engine> offered; ///< its session was asked whether it is still wanted
  std::deque<held_engine> waiting;
  std::map<std::string, held_engine> running;
  subscription_ptr work; ///< while this process is the node
  std::vector<subscription_ptr> subscriptions;
};

deployment_actor::behavior_type deployment(deployment_actor::stateful_pointer<deployment_state> self, surroundings around,
                                           deployment_settings settings);

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::engine_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::end_engine)
