// nats_core.hpp: What the parts of the NATS bus share: the latency connection, the bus's thread, calls with answers.
// Private to this folder. Unless said otherwise everything here runs on the bus's thread, so nothing needs a lock.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/nats/jetstream_api.hpp"
#include "adapters/nats/nats_link.hpp"
#include "adapters/nats/worker.hpp"

namespace sextant {

/// What stands behind a subscription object. Closed means that no handler starts any more; any thread may close it.
class endable {
public:
  virtual ~endable() = default;
  /// Gives back what it holds at the server; called once, after `open` went false.
  virtual void leave() = 0;
  std::atomic<bool> open{true};
};

/// One that keeps a consumer alive on the server and must look after it.
class attended : public endable {
public:
  /// The connection is new: whatever the server held for it is gone.
  virtual void renew() = 0;
  /// About once a second.
  virtual void check() = 0;
};

class nats_core : public std::enable_shared_from_this<nats_core> {
public:
  using task = worker::task;
  using answer_handler = std::function<void(std::optional<bus_message>, std::string error)>;
  using api_handler = std::function<void(std::optional<jetstream::answer>, std::string error)>;

  /// Connects; returns an error text or nothing. Any thread, once.
  std::string start(const nats_settings& settings);
  /// Ends the thread, then the connection. Any thread but the bus's own.
  void stop();

  /// Runs a task on the bus's thread. Any thread.
  void post(task what) { worker_.post(std::move(what)); }
  void post_after(std::chrono::milliseconds wait, task what) { worker_.post_after(wait, std::move(what)); }
  bool is_bus_thread() const { return worker_.is_this_thread(); }
  /// Bytes a message may have, headers included. Any thread.
  size_t max_payload() const { return max_payload_; }
  /// Waits until all tasks so far ran and the server has what they sent. Any thread but the bus's own.
  bool flush(std::chrono::milliseconds timeout);

  nats_link& link() { return *link_; }

  /// The error text of a call that nobody listens for.
  static constexpr std::string_view nobody_answers = "nobody answers";

  /// Sends and waits for one answer: a message, or an error text (no one listens, time is up).
  void call(const std::string& subject, const std::string& body, std::map<std::string, std::string> headers,
            std::chrono::milliseconds timeout, answer_handler handler);
  /// The same for the JetStream API; `error` is set when there was no answer from it.
  void api(const std::string& what, const std::string& body, api_handler handler);
  /// A stored publish whose answer decides.
  void store(const std::string& subject, const std::string& body, std::map<std::string, std::string> headers,
             api_handler handler);

  /// Creates a stream or brings it to this configuration; from then on it is brought back when the server loses it. Without
  /// a configuration it must be there, and somebody else brings it back. Patterns tell which subjects it takes.
  void ensure(const std::string& stream, const std::string& config, const std::vector<std::string>& patterns,
              std::function<void(std::string error)> done);
  /// Whether a remembered stream takes this subject.
  bool remembers_subject(const std::string& subject) const;
  /// Creates remembered streams that are missing, then calls `done`.
  void restore(task done);

  void attend(std::shared_ptr<attended> who);
  /// Ends a subscription so that what is on its way is still handled.
  void retire(std::unique_ptr<link_subscription> subscription);

private:
  struct remembered {
    std::string config;
    std::vector<std::string> patterns;
  };

  link_events events(const nats_settings& settings);
  void on_answer(bus_message message);
  void finish(uint64_t number, std::optional<bus_message> message, std::string error);
  void on_trouble(const std::string& what);
  void api_patiently(const std::string& what, const std::string& body, api_handler handler,
                     std::chrono::steady_clock::time_point until);
  void find(const std::string& stream, std::function<void(std::string error)> done);
  void on_reconnected();
  void tick();

  worker worker_;
  std::unique_ptr<nats_link> link_;
  std::unique_ptr<link_subscription> answers_;
  std::string inbox_;
  struct waiting_call {
    std::string subject;
    answer_handler handler;
  };
  std::map<uint64_t, waiting_call> waiting_;
  uint64_t next_call_ = 1;
  std::map<std::string, remembered> remembered_;
  std::vector<std::shared_ptr<attended>> attended_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> max_payload_{1024 * 1024};
};

} // namespace sextant
