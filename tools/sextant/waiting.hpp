// waiting.hpp: How the mains wait: for events of the bus, for signals of the terminal, for a time.
#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "messages/codec.hpp"

namespace sextant {

/// Takes SIGINT and SIGTERM out of asynchronous delivery for this thread and all later ones. Call first in main.
void hold_signals();

/// Why `event_queue::next` returned.
enum class wake { event, signal, time };

/// Events from any thread for one waiting main thread.
class event_queue {
public:
  event_queue();
  ~event_queue();
  event_queue(const event_queue&) = delete;
  event_queue& operator=(const event_queue&) = delete;

  /// From any thread.
  void push(envelope e);
  /// Wakes the waiting thread without an event, with a reason to end. From any thread.
  void fail(std::string why);
  /// Waits for the next event, a signal or the time-out.
  wake next(std::chrono::milliseconds timeout, envelope& event);
  /// Set once `fail` was called.
  std::optional<std::string> failure_text() const;

private:
  mutable std::mutex mutex_;
  std::deque<envelope> events_;
  std::optional<std::string> failure_;
  int wake_fd_ = -1;
  int signal_fd_ = -1;
};

} // namespace sextant
