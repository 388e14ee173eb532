// engine.hpp: The ENGINE actor owns one engine on the host, from apply to remove. Its death is one failed attempt.
#pragma once

#include <memory>
#include <string>

#include "actors/deployment/deployment.hpp"

namespace sextant {

/// State of an ENGINE actor.
struct engine_state {
  static inline const char* name = "engine";

  void start();
  void end();

  engine_actor::pointer self = nullptr;
  deployment_actor parent;
  std::shared_ptr<engine_host> host;
  std::string key;
  deploy_engine what;
};

engine_actor::behavior_type engine_runner(engine_actor::stateful_pointer<engine_state> self, deployment_actor parent,
                                          std::shared_ptr<engine_host> host, std::string key, deploy_engine what);

} // namespace sextant
