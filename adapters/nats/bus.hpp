// bus.hpp: What the roles need of a message server: publish, subscribe, durable streams, leases.
// Every function may be called from any thread and returns at once; answers arrive in callbacks on a thread of the bus.
// Callbacks must only copy and hand on (to an actor), never block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// One message as it arrived.
struct bus_message {
  std::string subject;
  std::string body;
  std::string reply; ///< subject to answer on; empty if none is wanted
  std::map<std::string, std::string> headers;
  uint64_t sequence = 0; ///< stream sequence; 0 outside of streams
  int delivery = 0;      ///< 1-based delivery of this message to a work consumer
};

/// Settles one delivery of a work or stream message. Copyable; each call is sent at once; only the first of
/// ack and retry counts. Forgetting it (destroying it unsettled) gives the message to somebody again after the ack wait.
class delivery {
public:
  virtual ~delivery() = default;
  virtual void ack() = 0;                                  ///< done, never again
  virtual void working() = 0;                              ///< still alive: restarts the acknowledgement clock
  virtual void retry(std::chrono::milliseconds after) = 0; ///< give it to somebody again after a while
};
using delivery_ptr = std::shared_ptr<delivery>;

/// How a durable stream keeps its messages.
struct stream_settings {
  std::string name;
  std::vector<std::string> subjects;
  bool work_queue = false; ///< a message is gone once acknowledged
  bool in_memory = false;
  std::chrono::seconds max_age{0}; ///< 0 = for ever
  std::chrono::seconds duplicate_window{3600};
  int64_t max_bytes = -1;        ///< -1: what the server has
  int64_t max_messages = -1;     ///< -1: any number
  bool refuse_when_full = false; ///< takes no more at a limit; false: forgets its oldest message
  int replicas = 1;              ///< servers of a cluster that keep it
};

/// How a durable consumer takes messages.
struct consumer_settings {
  std::string stream;
  std::string name;   ///< durable name, shared by everybody who competes for the messages
  std::string filter; ///< subject filter
  std::chrono::milliseconds ack_wait{5000};
  int max_in_flight = 64; ///< messages delivered and not settled, this process
};

/// Keeps a subscription or consumer alive; ends it when destroyed. No callback runs after the destructor returns,
/// except one that is running in another thread already.
class subscription {
public:
  virtual ~subscription() = default;
  /// For consumers: how many more messages may be delivered at once; callers raise it as work finishes.
  virtual void set_credit(int /*messages*/) {}
};
using subscription_ptr = std::unique_ptr<subscription>;

/// A lease that expired unless renewed; the revision is the fencing token.
struct lease {
  std::string key;
  uint64_t revision = 0;
};

/// What a durable publish does while its stream is at a limit or the server's store is full.
enum class when_full : uint8_t {
  wait,   ///< tries again until there is room; what is published after it waits, too
  refuse, ///< reports an error at once
};

class bus {
public:
  using message_handler = std::function<void(bus_message)>;
  using work_handler = std::function<void(bus_message, delivery_ptr)>;
  /// Error text; empty on success.
  using done_handler = std::function<void(std::string error)>;
  using reply_handler = std::function<void(std::optional<bus_message>, std::string error)>;

  virtual ~bus() = default;

  // -- core -----------------------------------------------------------------------------------------
  /// Publishes to whoever listens now.
  virtual void publish(std::string subject, std::string body, std::map<std::string, std::string> headers = {}) = 0;
  virtual subscription_ptr subscribe(std::string subject, message_handler handler) = 0;
  /// One subscriber of the group gets each message.
  virtual subscription_ptr subscribe_group(std::string subject, std::string group, message_handler handler) = 0;
  virtual void request(std::string subject, std::string body, std::chrono::milliseconds timeout, reply_handler handler) = 0;

  // -- durable --------------------------------------------------------------------------------------
  /// Creates the stream or brings it to these settings. Blocks; call before spawning roles. Returns an error text or
  /// nothing.
  virtual std::string ensure_stream(const stream_settings& settings) = 0;
  virtual std::string ensure_bucket(const std::string& bucket, std::chrono::milliseconds ttl, int replicas = 1) = 0;
  /// For whoever may not make streams: whether there is this one. From then on its messages wait for it if it is lost.
  /// Blocks. Returns an error text or nothing.
  virtual std::string find_stream(const stream_settings& settings) = 0;
  virtual std::string find_bucket(const std::string& bucket) = 0;
  /// Publishes to a stream, in call order, and retries until the server has it (or the bus closes): a message id
  /// seen within the stream's duplicate window is stored once. `done` is called with an error only on refusal.
  virtual void publish_durable(std::string subject, std::string message_id, std::string body,
                               std::map<std::string, std::string> headers = {}, done_handler done = {},
                               when_full rule = when_full::wait) = 0;
  /// Takes messages of a durable consumer; creates it when missing. Survives reconnects. What was acknowledged through this
  /// subscription is not delivered to it again, even if a killed server forgot; to another process it may be.
  virtual subscription_ptr consume(consumer_settings settings, work_handler handler) = 0;
  /// Everything a stream holds for a subject filter from `from_sequence` on, in order, then each new message as it comes.
  /// `caught_up` is called once, between the last stored and the first new message.
  virtual subscription_ptr follow(std::string stream, std::string filter, uint64_t from_sequence, message_handler handler,
                                  std::function<void()> caught_up) = 0;

  // -- leases ---------------------------------------------------------------------------------------
  /// Takes a lease if nobody holds it (then `revision` > 0), else reports revision 0.
  virtual void acquire_lease(std::string bucket, std::string key, std::string owner, std::function<void(lease)> handler) = 0;
  /// Renews a lease held at `held.revision`; revision 0 in the answer means that it was lost.
  virtual void renew_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) = 0;
  virtual void release_lease(std::string bucket, lease held) = 0;
  /// Every lease of a bucket that is held now (subject: its key, body: the owner's text, sequence: its revision), then each
  /// that is taken or renewed. That one ran out is not told: whoever follows counts the time since its last renewal.
  subscription_ptr follow_bucket(const std::string& bucket, message_handler handler, std::function<void()> caught_up);

  /// Waits until everything published so far has left this process, at most `timeout`.
  virtual bool flush(std::chrono::milliseconds timeout) = 0;
  /// Ends all deliveries and closes; later calls do nothing. Called before the actors that handlers send to are gone.
  virtual void close() = 0;
};

} // namespace sextant
