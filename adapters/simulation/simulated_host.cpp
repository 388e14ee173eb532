// simulated_host.cpp: One thread per engine: waits through the start-up, then serves until the engine is removed or crashes.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/backends/dgd.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "adapters/simulation/engine_player.hpp"
#include "adapters/simulation/engine_startup.hpp"

namespace sextant {

namespace {

constexpr double automatic_startup_speed = 50; ///< engine seconds per wall second when no speed is asked for
constexpr size_t tail_lines = 50;

/// One engine from `apply` to `remove`. Shared between the host and the engine's thread.
class hosted {
public:
  hosted(const deploy_engine& what, engine_host::ready_handler ready, engine_host::failed_handler failed)
      : what_(what), ready_(std::move(ready)), failed_(std::move(failed)) {}

  /// The life of the engine, in its own thread.
  void live();
  /// Asks for the end; `done` is called from the engine's thread, or at once when that has ended.
  void end(std::function<void()> done);
  std::vector<std::string> tail() const;

private:
  bool wait_for_start(double wall_s);
  void wait_for_end();
  void print(const std::vector<std::string>& lines);
  void start(const startup_story& story, const engine_shape& shape, const memory_plan& plan);
  void read_capacity(hosted_engine& about, const std::string& metrics) const;
  void serve(hosted_engine about, engine_player& player);
  void fail(failure_class kind, failure_cause cause, std::string detail);

  const deploy_engine what_;
  engine_host::ready_handler ready_;
  engine_host::failed_handler failed_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false, over_ = false;
  std::vector<std::function<void()>> done_;
  std::vector<std::string> log_;
  http_server* server_ = nullptr; ///< while it runs
};

void hosted::print(const std::vector<std::string>& lines) {
  const std::lock_guard guard{mutex_};
  log_.insert(log_.end(), lines.begin(), lines.end());
}

std::vector<std::string> hosted::tail() const {
  const std::lock_guard guard{mutex_};
  const auto skip = static_cast<std::ptrdiff_t>(log_.size() - std::min(log_.size(), tail_lines));
  return {log_.begin() + skip, log_.end()};
}

void hosted::fail(failure_class kind, failure_cause cause, std::string detail) {
  failed_({kind, cause, std::move(detail), tail()});
}

/// False when the engine is to end before the time is over.
bool hosted::wait_for_start(double wall_s) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_for(lock, std::chrono::duration<double>(wall_s), [this] { return ending_; });
}

void hosted::wait_for_end() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return ending_; });
}

void hosted::end(std::function<void()> done) {
  {
    const std::lock_guard guard{mutex_};
    if (!over_) {
      ending_ = true;
      done_.push_back(std::move(done));
      if (server_)
        server_->stop();
      changed_.notify_all();
      return;
    }
  }
  done();
}

void hosted::live() {
  const engine_shape shape{what_.model, what_.gpu, what_.backend, what_.layout};
  const auto plan = plan_memory(shape, std::max(1, what_.max_context));
  start(tell_startup(shape, plan, what_.max_context > 0 ? what_.max_context : what_.model.max_context), shape, plan);
  std::vector<std::function<void()>> done;
  {
    const std::lock_guard guard{mutex_};
    over_ = true;
    done.swap(done_);
  }
  for (const auto& tell : done)
    tell();
}

void hosted::start(const startup_story& story, const engine_shape& shape, const memory_plan& plan) {
  const bool virtual_time = what_.simulation == "virtual";
  const double speed = what_.simulation_speed > 0 ? what_.simulation_speed : automatic_startup_speed;
  print(story.loading);
  if (!wait_for_start(virtual_time ? 0 : story.seconds / speed))
    return fail(failure_class::transient, failure_cause::cancelled, "removed while starting");
  print(story.ending);
  if (!plan.fits)
    return fail(failure_class::permanent, failure_cause::out_of_memory, plan.reason);
  engine_settings settings;
  settings.role = what_.role;
  settings.kv_tokens = plan.kv_tokens;
  settings.max_context = what_.max_context;
  settings.seed = what_.seed;
  engine_player player(what_, make_engine_core(shape, make_roofline(shape), settings),
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
void hosted::read_capacity(hosted_engine& about, const std::string& metrics) const {
  const int ranks = what_.layout.attention_data_parallel();
  about.kv_tokens = kv_tokens_from_metrics(metrics, ranks);
  about.kv_source = "metrics";
  if (about.kv_tokens > 0)
    return;
  about.kv_tokens = kv_tokens_from_log(what_.backend, about.log, ranks);
  about.kv_source = "log";
}

void hosted::serve(hosted_engine about, engine_player& player) {
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

class simulated_host final : public engine_host {
public:
  ~simulated_host() override;
  std::string kind() const override { return "simulated"; }
  void apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) override;
  void remove(const std::string& key, std::function<void()> done) override;
  std::vector<std::string> log_tail(const std::string& key) override;

private:
  struct life {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> finished;
  };

  void join_finished();

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<hosted>> engines_;
  std::list<life> lives_;
};

simulated_host::~simulated_host() {
  for (auto& [key, engine] : engines_)
    engine->end([] {});
  for (auto& l : lives_)
    l.thread.join();
}

void simulated_host::join_finished() {
  lives_.remove_if([](life& l) {
    if (!*l.finished)
      return false;
    l.thread.join();
    return true;
  });
}

void simulated_host::apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) {
  const std::lock_guard guard{mutex_};
  join_finished();
  if (engines_.count(key)) {
    failed({failure_class::permanent, failure_cause::internal, "an engine with the key " + key + " runs already", {}});
    return;
  }
  auto engine = std::make_shared<hosted>(what, std::move(ready), std::move(failed));
  engines_[key] = engine;
  auto finished = std::make_shared<std::atomic<bool>>(false);
  lives_.push_back({std::thread([engine, finished] {
                      engine->live();
                      *finished = true;
                    }),
                    finished});
}

void simulated_host::remove(const std::string& key, std::function<void()> done) {
  std::shared_ptr<hosted> engine;
  {
    const std::lock_guard guard{mutex_};
    if (const auto at = engines_.find(key); at != engines_.end()) {
      engine = at->second;
      engines_.erase(at);
    }
  }
  if (engine)
    engine->end(std::move(done));
  else
    done();
}

std::vector<std::string> simulated_host::log_tail(const std::string& key) {
  const std::lock_guard guard{mutex_};
  const auto at = engines_.find(key);
  return at == engines_.end() ? std::vector<std::string>{} : at->second->tail();
}

} // namespace

std::unique_ptr<engine_host> make_simulated_host() {
  return std::make_unique<simulated_host>();
}

} // namespace sextant
