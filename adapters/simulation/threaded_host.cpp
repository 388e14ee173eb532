// threaded_host.cpp: Threads of engines.
#include "adapters/simulation/threaded_host.hpp"

#include <algorithm>
#include <chrono>

namespace sextant {

namespace {

constexpr size_t tail_lines = 50;

} // namespace

// -- one engine -----------------------------------------------------------------------------------------

void engine_life::live() {
  run();
  std::vector<std::function<void()>> done;
  {
    const std::lock_guard guard{mutex_};
    over_ = true;
    done.swap(done_);
  }
  for (const auto& tell : done)
    tell();
}

void engine_life::end(std::function<void()> done) {
  {
    const std::lock_guard guard{mutex_};
    if (!over_) {
      ending_ = true;
      done_.push_back(std::move(done));
      wake();
      changed_.notify_all();
      return;
    }
  }
  done();
}

std::vector<std::string> engine_life::tail() const {
  const std::lock_guard guard{mutex_};
  const auto skip = static_cast<std::ptrdiff_t>(log_.size() - std::min(log_.size(), tail_lines));
  return {log_.begin() + skip, log_.end()};
}

bool engine_life::ending() const {
  const std::lock_guard guard{mutex_};
  return ending_;
}

bool engine_life::wait_for(double wall_s) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_for(lock, std::chrono::duration<double>(wall_s), [this] { return ending_; });
}

void engine_life::wait_for_end() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return ending_; });
}

void engine_life::print(const std::vector<std::string>& lines) {
  const std::lock_guard guard{mutex_};
  log_.insert(log_.end(), lines.begin(), lines.end());
}

void engine_life::fail(failure_class kind, failure_cause cause, std::string detail) {
  failed_({kind, cause, std::move(detail), tail()});
}

// -- the host -------------------------------------------------------------------------------------------

threaded_host::~threaded_host() {
  end_all();
}

void threaded_host::end_all() {
  std::map<std::string, std::shared_ptr<engine_life>> engines;
  std::list<running_thread> threads;
  {
    const std::lock_guard guard{mutex_};
    engines.swap(engines_);
    threads.swap(threads_);
  }
  for (auto& [key, engine] : engines)
    engine->end([] {});
  for (auto& running : threads)
    running.thread.join();
}

void threaded_host::join_finished() {
  threads_.remove_if([](running_thread& running) {
    if (!*running.finished)
      return false;
    running.thread.join();
    return true;
  });
}

void threaded_host::apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) {
  const std::lock_guard guard{mutex_};
  join_finished();
  if (engines_.count(key)) {
    failed({failure_class::permanent, failure_cause::internal, "an engine with the key " + key + " runs already", {}});
    return;
  }
  auto engine = make_life(key, what, std::move(ready), std::move(failed));
  engines_[key] = engine;
  auto finished = std::make_shared<std::atomic<bool>>(false);
  threads_.push_back({std::thread([engine, finished] {
                        engine->live();
                        *finished = true;
                      }),
                      finished});
}

void threaded_host::remove(const std::string& key, std::function<void()> done) {
  std::shared_ptr<engine_life> engine;
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

std::vector<std::string> threaded_host::log_tail(const std::string& key) {
  const std::lock_guard guard{mutex_};
  const auto at = engines_.find(key);
  return at == engines_.end() ? std::vector<std::string>{} : at->second->tail();
}

} // namespace sextant
