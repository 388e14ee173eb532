// threaded_host.hpp: What hosts have in common that give every engine a thread: the lives of engines, their ends, their
// last lines.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/simulation/engine_host.hpp"

namespace sextant {

/// One engine from `apply` to `remove`, shared between the host and the engine's thread.
class engine_life {
public:
  engine_life(deploy_engine what, engine_host::ready_handler ready, engine_host::failed_handler failed)
      : what_(std::move(what)), ready_(std::move(ready)), failed_(std::move(failed)) {}
  virtual ~engine_life() = default;

  /// The life of the engine, in its own thread.
  void live();
  /// Asks for the end; `done` is called from the engine's thread, or at once when that has ended.
  void end(std::function<void()> done);
  /// Last lines the engine printed.
  std::vector<std::string> tail() const;

protected:
  /// Starts, serves until the end is wanted or the engine fails, and frees what it held.
  virtual void run() = 0;
  /// Called with the lock held when the end is wanted.
  virtual void wake() {}

  bool ending() const;
  /// False when the engine is to end before the time is over.
  bool wait_for(double wall_s);
  void wait_for_end();
  void print(const std::vector<std::string>& lines);
  void fail(failure_class kind, failure_cause cause, std::string detail);

  const deploy_engine what_;
  engine_host::ready_handler ready_;
  engine_host::failed_handler failed_;
  mutable std::mutex mutex_;
  bool ending_ = false; ///< with `mutex_`

private:
  std::condition_variable changed_;
  bool over_ = false;
  std::vector<std::function<void()>> done_;
  std::vector<std::string> log_;
};

/// A host whose engines each have a thread.
class threaded_host : public engine_host {
public:
  ~threaded_host() override;
  void apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) final;
  void remove(const std::string& key, std::function<void()> done) final;
  std::vector<std::string> log_tail(const std::string& key) final;

protected:
  virtual std::shared_ptr<engine_life> make_life(const std::string& key, const deploy_engine& what, ready_handler ready,
                                                 failed_handler failed) = 0;
  /// Ends every engine and waits for it. For destructors of hosts whose engines use them.
  void end_all();

private:
  struct running_thread {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> finished;
  };

  void join_finished();

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<engine_life>> engines_;
  std::list<running_thread> threads_;
};

} // namespace sextant
