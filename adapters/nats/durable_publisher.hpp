// durable_publisher.hpp: One ordered queue of messages for streams, with a thread and a connection of its own.
// Private to this folder. Any thread may call; answers are handed to `nats_core`'s thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "adapters/nats/nats_core.hpp"

namespace sextant {

/// Order and retries: messages are sent on a connection that never comes back by itself. Whatever the server has of a dead
/// connection is a prefix of what was sent; on a new one everything without an acknowledgement is sent again, in order and
/// with the same ids. So the first occurrences are in order, and the later ones are dropped by the server.
class durable_publisher {
public:
  durable_publisher(std::shared_ptr<nats_core> core, nats_settings settings);
  ~durable_publisher();

  void publish(std::string subject, std::string body, std::map<std::string, std::string> headers, bus::done_handler done,
               when_full rule);
  /// Waits until everything is acknowledged.
  bool drain(std::chrono::milliseconds timeout);
  /// Ends the thread; what was not acknowledged is reported as an error.
  void stop();

private:
  using clock = std::chrono::steady_clock;

  struct item {
    uint64_t number = 0;
    std::string subject, body;
    std::map<std::string, std::string> headers;
    bus::done_handler done;
    when_full rule = when_full::wait;
    clock::time_point sent_at;
    bool settled = false;
  };

  void run();
  bool open_link();
  void send_some(std::unique_lock<std::mutex>& lock);
  void on_answer(const bus_message& message);
  void settle(uint64_t number, const std::string& error);
  void ask_about(uint64_t number, const std::string& subject);
  bool refuses_when_full(uint64_t number);
  void settle_forbidden(const std::string& subject);
  void again_after(std::chrono::milliseconds wait);
  void send_all_again();

  std::shared_ptr<nats_core> core_;
  nats_settings settings_;
  std::unique_ptr<nats_link> link_;            ///< own thread only
  std::unique_ptr<link_subscription> answers_; ///< own thread only
  std::string inbox_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<item> queue_; ///< everything not acknowledged, ascending numbers without gaps
  size_t sent_ = 0;        ///< so many of the queue are sent on this connection
  size_t sent_bytes_ = 0;
  uint64_t next_number_ = 1;
  bool link_lost_ = true;
  bool stopping_ = false;
  clock::time_point pause_until_;
  std::thread thread_;
};

} // namespace sextant
