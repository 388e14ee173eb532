// supervisor.hpp: The SUPERVISOR is the root: it spawns the roles, watches them and starts them again.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/mail.hpp"
#include "actors/runtime/installation.hpp"

namespace sextant {

/// Asks the SUPERVISOR to end a role's actor as a crash would.
struct crash_role {
  std::string role;
};

/// Interface of the SUPERVISOR.
using supervisor_actor = caf::typed_actor<
    // For tests and drills.
    caf::reacts_to<crash_role>,
    // Time to start a role again; `what` is its index in the ordered set of roles.
    caf::reacts_to<reminder>>;

/// State of the SUPERVISOR.
struct supervisor_state {
  static inline const char* name = "supervisor";

  void start();
  void spawn_role(const std::string& role);
  void role_ended(const caf::down_msg& down);
  void give_up(const std::string& why);

  supervisor_actor::pointer self = nullptr;
  surroundings around;
  installation_settings settings;
  std::atomic<int>* restart_count = nullptr; ///< shared with the installation
  std::map<std::string, caf::actor> roles;
  std::map<std::string, int> restarts;
  bool given_up = false;
};

supervisor_actor::behavior_type supervisor(supervisor_actor::stateful_pointer<supervisor_state> self, surroundings around,
                                           installation_settings settings, std::atomic<int>* restart_count);

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::crash_role)
