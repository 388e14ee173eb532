// worker.cpp: The loop of the bus's thread.
#include "adapters/nats/worker.hpp"

namespace sextant {

worker::worker() : thread_([this] { run(); }) {
  // nop
}

worker::~worker() {
  stop();
}

void worker::post(task what) {
  {
    std::lock_guard lock{mutex_};
    if (stopping_)
      return;
    tasks_.push_back(std::move(what));
  }
  wake_.notify_one();
}

void worker::post_after(std::chrono::milliseconds wait, task what) {
  {
    std::lock_guard lock{mutex_};
    if (stopping_)
      return;
    timers_.emplace(clock::now() + wait, std::move(what));
  }
  wake_.notify_one();
}

void worker::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable() && !is_this_thread())
    thread_.join();
}

void worker::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    task next;
    if (!tasks_.empty()) {
      next = std::move(tasks_.front());
      tasks_.pop_front();
    } else if (stopping_) {
      break;
    } else if (timers_.empty()) {
      wake_.wait(lock);
      continue;
    } else if (timers_.begin()->first <= clock::now()) {
      next = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    } else {
      const auto until = timers_.begin()->first;
      wake_.wait_until(lock, until);
      continue;
    }
    lock.unlock();
    next();
    next = nullptr;
    lock.lock();
  }
  auto forgotten = std::move(timers_);
  lock.unlock();
}

} // namespace sextant
