// collector.hpp: Gathers what callbacks of a bus bring, for a test to wait for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace sextant::test {

/// A list that other threads fill and the test waits on.
template <class T>
class collector {
public:
  void push(T x) {
    {
      std::lock_guard lock{mutex_};
      items_.push_back(std::move(x));
    }
    more_.notify_all();
  }

  /// Whether at least `count` items came within the time.
  bool reaches(size_t count, std::chrono::milliseconds timeout = std::chrono::seconds{20}) {
    std::unique_lock lock{mutex_};
    return more_.wait_for(lock, timeout, [&] { return items_.size() >= count; });
  }

  std::vector<T> all() {
    std::lock_guard lock{mutex_};
    return items_;
  }

  size_t size() { return all().size(); }

private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<T> items_;
};

} // namespace sextant::test
