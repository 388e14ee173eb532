// simulated_process.hpp: One process of the installation inside the simulation: its actors, its clock, its connection.
#pragma once

#include <atomic>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/runtime/supervisor.hpp"
#include "tools/chaos/simulated_node.hpp"

namespace sextant::chaos {

/// All roles of a process in a deterministic actor system. Nothing in it moves but through `run_one` and `pass`.
class simulated_process {
public:
  simulated_process(std::string name, std::string instance, std::shared_ptr<bus> link, installation_settings settings);
  ~simulated_process();

  const std::string& name() const { return name_; }
  bool alive() const { return alive_; }
  bool frozen() const { return frozen_; }

  /// Runs one waiting actor, chosen at random; false if none waits.
  bool run_one(std::mt19937_64& random);
  /// Nanoseconds until a timer of an actor is due; max() = never.
  std::chrono::nanoseconds next_timer() const;
  /// Its clock goes on, also while it is frozen.
  void pass(std::chrono::nanoseconds time);

  void freeze() { frozen_ = true; }
  void thaw();
  /// Ends its actors; its client and its engines are dead before. The object stays until the network has forgotten it.
  void die();
  void crash_role(const std::string& role);
  bool gave_up() const { return gave_up_; }

private:
  struct config : caf::actor_system_config {
    config() { set("scheduler.policy", caf::atom("testing")); }
  };

  std::string name_;
  config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_ = dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  std::atomic<int> restarts_{0};
  supervisor_actor root_;
  bool alive_ = true, frozen_ = false, gave_up_ = false;
  std::chrono::nanoseconds behind_{0}; ///< time that passed while it was frozen
};

} // namespace sextant::chaos
