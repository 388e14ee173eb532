#include "actors/runtime/supervisor.hpp"

#include <iterator>

#include <spdlog/spdlog.h>

#include "actors/artifacts/artifacts.hpp"
#include "actors/deployment/deployment.hpp"
#include "actors/intake/intake.hpp"
#include "actors/load/load.hpp"
#include "actors/metrics/metrics.hpp"
#include "actors/search/search.hpp"

namespace sextant {

namespace {

/// A role that crashed is started again after this pause, so that a crash loop does not spin.
constexpr auto restart_pause = std::chrono::milliseconds{50};

} // namespace

void supervisor_state::start() {
  for (const auto& role : settings.roles)
    spawn_role(role);
}

void supervisor_state::spawn_role(const std::string& role) {
  spdlog::debug("role-starting: {}", role);
  auto keep = [&](auto handle) {
    self->monitor(handle);
    roles[role] = caf::actor_cast<caf::actor>(handle);
  };
  if (role == "intake")
    keep(self->spawn(intake, around, intake_settings{settings.files, settings.forced_options}));
  else if (role == "search")
    keep(self->spawn(search, around, search_settings{settings.pool, settings.only_request}));
  else if (role == "deployment")
    keep(self->spawn(
        deployment, around,
        deployment_settings{settings.pool, settings.zone, settings.gpu, settings.gpus, settings.version, settings.host}));
  else if (role == "load")
    keep(self->spawn(load, around,
                     load_settings{settings.zone, settings.max_measurements, settings.drive, settings.virtual_time}));
  else if (role == "metrics")
    keep(self->spawn(metrics, around, metrics_settings{settings.zone}));
  else if (role == "artifacts")
    keep(self->spawn(
        artifacts, around,
        artifacts_settings{settings.output_root, settings.folder_per_request, settings.write, settings.virtual_time}));
}

void supervisor_state::role_ended(const caf::down_msg& down) {
  for (auto& [role, handle] : roles) {
    if (!handle || handle.address() != down.source)
      continue;
    handle = nullptr;
    const auto reason = self->system().render(down.reason);
    spdlog::warn("role-ended: {} ({})", role, reason);
    if (++restarts[role] > settings.restarts)
      return give_up("role " + role + " ended " + std::to_string(restarts[role]) + " times, last: " + reason);
    ++*restart_count;
    const auto index = std::distance(settings.roles.begin(), settings.roles.find(role));
    self->delayed_send(self, restart_pause, reminder{static_cast<int>(index), 0});
    return;
  }
}

void supervisor_state::give_up(const std::string& why) {
  if (given_up)
    return;
  given_up = true;
  spdlog::critical("gave-up: {}", why);
  if (settings.on_give_up)
    settings.on_give_up(why);
}

supervisor_actor::behavior_type supervisor(supervisor_actor::stateful_pointer<supervisor_state> self, surroundings around,
                                           installation_settings settings, std::atomic<int>* restart_count) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  state.restart_count = restart_count;
  self->set_down_handler([self](const caf::down_msg& down) { self->state.role_ended(down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    for (auto& [role, handle] : self->state.roles)
      if (handle)
        self->send_exit(handle, exit.reason);
    self->state.roles.clear();
    self->quit(exit.reason);
  });
  state.start();
  return {
      [self](const crash_role& crash) {
        auto& handle = self->state.roles[crash.role];
        if (handle)
          self->send_exit(handle, caf::exit_reason::kill);
      },
      [self](const reminder& due) { self->state.spawn_role(*std::next(self->state.settings.roles.begin(), due.what)); },
  };
}

} // namespace sextant
