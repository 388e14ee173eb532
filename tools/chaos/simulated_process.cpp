#include "tools/chaos/simulated_process.hpp"

#include <caf/actor_registry.hpp>
#include <caf/send.hpp>

namespace sextant::chaos {

simulated_process::simulated_process(std::string name, std::string instance, std::shared_ptr<bus> link,
                                     installation_settings settings)
    : name_(std::move(name)) {
  surroundings around{std::move(link), settings.names, settings.node, std::move(instance)};
  settings.virtual_time = true;
  settings.on_give_up = [this](const std::string&) { gave_up_ = true; };
  root_ = system_.spawn(supervisor, around, std::move(settings), &restarts_);
}

simulated_process::~simulated_process() {
  die();
}

bool simulated_process::run_one(std::mt19937_64& random) {
  auto& jobs = scheduler_.jobs;
  if (jobs.empty())
    return false;
  const auto chosen = jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.size());
  std::rotate(jobs.begin(), chosen, chosen + 1);
  return scheduler_.try_run_once();
}

std::chrono::nanoseconds simulated_process::next_timer() const {
  const auto& clock = scheduler_.clock();
  if (clock.schedule().empty())
    return std::chrono::nanoseconds::max();
  return std::max(std::chrono::nanoseconds{0}, std::chrono::nanoseconds{clock.schedule().begin()->first - clock.now()});
}

void simulated_process::pass(std::chrono::nanoseconds time) {
  if (!alive_)
    return;
  if (frozen_)
    behind_ += time;
  else
    scheduler_.advance_time(time);
}

void simulated_process::thaw() {
  if (!frozen_)
    return;
  frozen_ = false;
  pass(std::exchange(behind_, {}));
}

void simulated_process::die() {
  if (!std::exchange(alive_, false))
    return;
  caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
  root_ = nullptr;
  while (scheduler_.try_run_once() || scheduler_.trigger_timeout()) {
    if (system_.registry().running() == 0)
      break;
  }
}

void simulated_process::crash_role(const std::string& role) {
  caf::anon_send(root_, sextant::crash_role{role});
}

} // namespace sextant::chaos
