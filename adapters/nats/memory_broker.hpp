// memory_broker.hpp: State and thread behind the in-process bus. Private to this folder.
// Everything but `post` and `run_now` belongs to the broker's own thread; handlers run there too. The simulated network
// overrides what has to do with time: there one thread plays everything.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "adapters/nats/bus.hpp"

namespace sextant::memory {

using clock = std::chrono::steady_clock;

/// Shared between a subscription object and the broker: closed means that no handler starts any more.
struct gate {
  std::atomic<bool> open{true};
};
using gate_ptr = std::shared_ptr<gate>;

struct core_subscription {
  std::string pattern;
  std::string group;
  bus::message_handler handler;
  gate_ptr alive;
};

struct stored_message {
  bus_message message;
  clock::time_point stored_at;
};

struct stream {
  stream_settings settings;
  std::chrono::milliseconds max_age{0}; ///< 0 = for ever
  bool last_of_subject = false;         ///< a bucket: a message replaces the one before of its subject
  std::map<uint64_t, stored_message> messages;
  uint64_t last_sequence = 0;
  std::unordered_map<std::string, std::pair<uint64_t, clock::time_point>> ids;
};

/// One process's part in a durable consumer.
struct member {
  bus::work_handler handler;
  gate_ptr alive;
  int max_in_flight = 0;
  int in_flight = 0;
  int64_t credit = -1; ///< further messages allowed; negative = no bound
};

struct pending_message {
  int deliveries = 0;
  bool out = false;      ///< delivered and not settled
  clock::time_point due; ///< when out: end of the acknowledgement wait; else: earliest redelivery
  std::shared_ptr<member> owner;
};

struct consumer {
  consumer_settings settings;
  uint64_t next_sequence = 1;
  std::map<uint64_t, pending_message> pending;
  std::vector<std::shared_ptr<member>> members;
  size_t turn = 0;
};

struct follower {
  std::string stream, filter;
  uint64_t next_sequence = 1;
  bus::message_handler handler;
  std::function<void()> caught_up;
  gate_ptr alive;
};

class broker : public std::enable_shared_from_this<broker> {
public:
  virtual ~broker() = default;
  /// Runs a task on the broker's thread, in call order.
  virtual void post(std::function<void()> task);
  /// Runs a task there and waits for it; directly when called from there.
  virtual void run_now(const std::function<void()>& task);
  virtual clock::time_point now() const { return clock::now(); }
  void run();
  void stop();

  // -- broker thread only -------------------------------------------------------------------------
  virtual void at(clock::time_point when, std::function<void()> task);
  /// Fans a message out and stores it where a stream takes it. Tells who heard it.
  struct heard {
    int subscribers = 0;
    std::string stream;
    uint64_t sequence = 0;
    bool duplicate = false;
    std::string error; ///< why the stream refused it
  };
  heard ingest(const bus_message& message);
  void request(bus_message message, std::chrono::milliseconds timeout, bus::reply_handler handler);
  std::string ensure(const stream_settings& settings);
  bool has_stream(const std::string& name) const { return streams_.count(name) != 0; }
  void join(const consumer_settings& settings, std::shared_ptr<member> who);
  void settle(const std::string& key, uint64_t sequence, int deliveries, std::optional<std::chrono::milliseconds> again);
  void extend(const std::string& key, uint64_t sequence, int deliveries);
  void abandon(const std::shared_ptr<member>& who);
  void set_credit(const std::shared_ptr<member>& who, int messages);
  void follow(std::shared_ptr<follower> who);
  void ensure_bucket(const std::string& bucket, std::chrono::milliseconds ttl);
  /// The same `id` again is the same call: it is answered as the first time.
  uint64_t take_lease(const std::string& bucket, const std::string& key, const std::string& owner, uint64_t held,
                      const std::string& id = {});
  void drop_lease(const std::string& bucket, const lease& held);
  /// What a killed server does not have any more: streams that it kept in memory.
  void forget_memory_streams();
  /// Lets go of the handlers of closed subscriptions, and of what they hold.
  void forget_closed();

  std::vector<std::shared_ptr<core_subscription>> subscriptions;

private:
  void store(stream& s, bus_message message, heard& out);
  void expire(stream& s);
  void serve(consumer& c);
  void serve_all();
  void hand_over(consumer& c, uint64_t sequence, pending_message& p, const std::shared_ptr<member>& to);
  bool feed(follower& f);
  stream* bucket(const std::string& name);
  std::shared_ptr<member> free_member(consumer& c);
  pending_message* outstanding(const std::string& key, uint64_t sequence, int deliveries);

  std::map<std::string, stream> streams_;
  std::map<std::string, consumer> consumers_; ///< by `stream/name`
  std::vector<std::shared_ptr<follower>> followers_;
  std::map<std::string, size_t> group_turn_;
  uint64_t next_inbox_ = 1;
  bool serving_ = false, serve_again_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::multimap<clock::time_point, std::function<void()>> timers_;
  std::thread::id thread_;
  bool stopping_ = false;
};

} // namespace sextant::memory
