// worker.hpp: One thread that runs tasks in order, and tasks at a time. Private to this folder.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace sextant {

class worker {
public:
  using clock = std::chrono::steady_clock;
  using task = std::function<void()>;

  worker();
  ~worker();

  /// Runs a task after those posted before. Tasks posted after `stop` are dropped.
  void post(task what);
  void post_after(std::chrono::milliseconds wait, task what);

  /// Runs what was posted so far, then ends the thread; drops timers. May be called again.
  void stop();

  bool is_this_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<task> tasks_;
  std::multimap<clock::time_point, task> timers_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace sextant
