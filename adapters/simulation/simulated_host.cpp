// simulated_host.cpp: One thread per engine: waits through the start-up, then serves until the engine is removed or crashes.
#include <algorithm>

#include "adapters/backends/dgd.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "adapters/simulation/engine_player.hpp"
#include "adapters/simulation/engine_startup.hpp"
#include "adapters/simulation/threaded_host.hpp"

namespace sextant {

namespace {

constexpr double automatic_startup_speed = 50; ///< engine seconds per wall second when no speed is asked for

/// A simulated engine.
class simulated_life final : public engine_life {
public:
  using engine_life::engine_life;

private:
  void run() override;
  void wake() override {
    if (server_)
      server_->stop();
  }
  void start(const startup_story& story, const engine_shape& shape, const memory_plan& plan);
  void read_capacity(hosted_engine& about, const std::string& metrics) const;
  void serve(hosted_engine about, engine_player& player);

  http_server* server_ = nullptr; ///< while it runs; with the lock
};

void simulated_life::run() {
  const engine_shape shape{what_.model, what_.gpu, what_.backend, what_.layout};
  const auto plan = plan_memory(shape, std::max(1, what_.max_context));
  start(tell_startup(shape, plan, what_.max_context > 0 ? what_.max_context : what_.model.max_context), shape, plan);
}

void simulated_life::start(const startup_story& story, const engine_shape& shape, const memory_plan& plan) {
  const bool virtual_time = what_.simulation == "virtual";
  const double speed = what_.simulation_speed > 0 ? what_.simulation_speed : automatic_startup_speed;
  print(story.loading);
  if (!wait_for(virtual_time ? 0 : story.seconds / speed))
    return fail(failure_class::transient, failure_cause::cancelled, "removed while starting");
  print(story.ending);
  if (!plan.fits)
    return fail(failure_class::permanent, failure_cause::out_of_memory, plan.reason);
  engine_settings settings;
  settings.role = what_.role;
  settings.kv_tokens = plan.kv_tokens;
  settings.max_context = what_.max_context;
  settings.seed = what_.seed;
  engine_player player(what_, make_engine_core(shape, make_step_model(shape), settings),
                       what_.simulation_speed > 0 ? what_.simulation_speed : 1);
  hosted_engine about;
  about.served_model = what_.model.name;
  about.startup_s = story.seconds;
  about.simulated = true;
  about.log = tail();
  read_capacity(about, player.metrics_page());
  if (about.kv_tokens <= 0)
    return fail(failure_class::permanent, failure_cause::capacity_unknown,
                "KV capacity is neither in metrics nor in the log");
  if (!virtual_time)
    return serve(std::move(about), player);
  about.endpoint = virtual_endpoint(what_);
  ready_(std::move(about));
  wait_for_end();
}

/// The engine's own metrics first, its log second, as for a real one.
void simulated_life::read_capacity(hosted_engine& about, const std::string& metrics) const {
  const int ranks = what_.layout.attention_data_parallel();
  about.kv_tokens = kv_tokens_from_metrics(metrics, ranks);
  about.kv_source = "metrics";
  if (about.kv_tokens > 0)
    return;
  about.kv_tokens = kv_tokens_from_log(what_.backend, about.log, ranks);
  about.kv_source = "log";
}

void simulated_life::serve(hosted_engine about, engine_player& player) {
  http_server_settings limits;
  limits.common_headers = "x-sextant-simulated: 1\r\n";
  std::string error;
  const auto server = make_http_server(player, limits, error);
  if (!server)
    return fail(failure_class::transient, failure_cause::internal, "the engine's port could not be opened: " + error);
  player.attach(*server);
  about.endpoint = "http://127.0.0.1:" + std::to_string(server->port());
  {
    const std::lock_guard guard{mutex_};
    server_ = server.get();
    if (ending_)
      server->stop();
  }
  ready_(std::move(about));
  server->run();
  {
    const std::lock_guard guard{mutex_};
    server_ = nullptr;
  }
  if (player.crashed()) {
    print({"Fatal error: the engine process ended unexpectedly"});
    fail(failure_class::transient, failure_cause::engine_gone, "the engine ended without having been asked to");
  }
}

class simulated_host final : public threaded_host {
public:
  ~simulated_host() override { end_all(); }
  std::string kind() const override { return "simulated"; }

private:
  std::shared_ptr<engine_life> make_life(const std::string&, const deploy_engine& what, ready_handler ready,
                                         failed_handler failed) override {
    return std::make_shared<simulated_life>(what, std::move(ready), std::move(failed));
  }
};

} // namespace

std::unique_ptr<engine_host> make_simulated_host() {
  return std::make_unique<simulated_host>();
}

} // namespace sextant
