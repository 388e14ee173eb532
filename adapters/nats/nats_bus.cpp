// nats_bus.cpp: The bus over NATS: checks arguments and hands each call to the part that does it.
#include "adapters/nats/nats_bus.hpp"

#include <future>
#include <mutex>

#include <spdlog/spdlog.h>

#include "adapters/nats/durable_publisher.hpp"
#include "adapters/nats/lease_call.hpp"
#include "adapters/nats/nats_core.hpp"
#include "adapters/nats/stream_follower.hpp"
#include "adapters/nats/subject_match.hpp"
#include "adapters/nats/work_puller.hpp"

namespace sextant {

namespace {

using namespace std::chrono_literals;

constexpr auto drain_limit = 3s; ///< how long closing waits for durable messages
constexpr auto drain_limit_offline = 500ms;

/// A core subscription.
class listener : public endable {
public:
  explicit listener(bus::message_handler handler) : handle(std::move(handler)) {}
  void leave() override { subscription.reset(); }

  bus::message_handler handle;
  std::unique_ptr<link_subscription> subscription;
};

/// The subscription object of a caller; ends what stands behind it.
class nats_subscription : public subscription {
public:
  nats_subscription(std::weak_ptr<nats_core> core, std::shared_ptr<endable> who)
      : core_(std::move(core)), who_(std::move(who)) {}

  ~nats_subscription() override {
    if (auto core = core_.lock(); who_->open.exchange(false) && core)
      core->post([who = who_] { who->leave(); });
  }

  void set_credit(int messages) override {
    auto core = core_.lock();
    if (auto puller = std::dynamic_pointer_cast<work_puller>(who_); puller && core)
      core->post([puller, messages] { puller->set_credit(messages); });
  }

private:
  std::weak_ptr<nats_core> core_;
  std::shared_ptr<endable> who_;
};

class nats_bus : public bus {
public:
  nats_bus(std::shared_ptr<nats_core> core, const nats_settings& settings)
      : core_(std::move(core)), publisher_(core_, settings) {
    // nop
  }

  ~nats_bus() override { nats_bus::close(); }

  // -- core ---------------------------------------------------------------------------------------

  void publish(std::string subject, std::string body, std::map<std::string, std::string> headers) override {
    if (auto error = refusal(subject, body, headers); !error.empty()) {
      if (!closed_)
        spdlog::error("nats: {}", error);
      return;
    }
    core_->post([core = core_.get(), subject = std::move(subject), body = std::move(body), headers = std::move(headers)] {
      if (core->link().publish(subject, {}, body, headers) == sending::refused)
        spdlog::error("nats: the message to {} was refused", subject);
    });
  }

  subscription_ptr subscribe(std::string subject, message_handler handler) override {
    return subscribe_group(std::move(subject), {}, std::move(handler));
  }

  subscription_ptr subscribe_group(std::string subject, std::string group, message_handler handler) override {
    auto who = std::make_shared<listener>(std::move(handler));
    if (valid_pattern(subject))
      core_->post([weak = std::weak_ptr{core_}, who, subject = std::move(subject), group = std::move(group)] {
        listen(weak, who, subject, group);
      });
    else
      spdlog::error("nats: '{}' cannot be subscribed to", subject);
    return keep(who);
  }

  void request(std::string subject, std::string body, std::chrono::milliseconds timeout, reply_handler handler) override {
    if (auto error = refusal(subject, body, {}); !error.empty())
      return handler(std::nullopt, error);
    core_->post([core = core_.get(), subject = std::move(subject), body = std::move(body), timeout,
                 handler = std::move(handler)] { core->call(subject, body, {}, timeout, handler); });
  }

  // -- durable ------------------------------------------------------------------------------------

  std::string ensure_stream(const stream_settings& settings) override {
    return ensure(settings.name, jetstream::stream_config(settings), settings.subjects);
  }

  std::string ensure_bucket(const std::string& bucket, std::chrono::milliseconds ttl, int replicas) override {
    return ensure(jetstream::bucket_stream(bucket), jetstream::bucket_config(bucket, ttl, replicas),
                  {jetstream::lease_subject(bucket, ">")});
  }

  std::string find_stream(const stream_settings& settings) override { return ensure(settings.name, {}, settings.subjects); }

  std::string find_bucket(const std::string& bucket) override {
    return ensure(jetstream::bucket_stream(bucket), {}, {jetstream::lease_subject(bucket, ">")});
  }

  void publish_durable(std::string subject, std::string message_id, std::string body,
                       std::map<std::string, std::string> headers, done_handler done, when_full rule) override {
    headers[std::string{jetstream::message_id_header}] = message_id.empty() ? nats_link::new_inbox() : std::move(message_id);
    if (auto error = refusal(subject, body, headers); !error.empty()) {
      if (done)
        done(error);
      return;
    }
    // By way of the bus's thread: a subscription made before is at the server before the message is.
    core_->post([this, subject = std::move(subject), body = std::move(body), headers = std::move(headers),
                 done = std::move(done), rule]() mutable {
      publisher_.publish(std::move(subject), std::move(body), std::move(headers), std::move(done), rule);
    });
  }

  subscription_ptr consume(consumer_settings settings, work_handler handler) override {
    return attend(std::make_shared<work_puller>(core_, std::move(settings), std::move(handler)));
  }

  subscription_ptr follow(std::string stream, std::string filter, uint64_t from_sequence, message_handler handler,
                          std::function<void()> caught_up) override {
    return attend(std::make_shared<stream_follower>(core_, std::move(stream), std::move(filter), from_sequence,
                                                    std::move(handler), std::move(caught_up)));
  }

  // -- leases -------------------------------------------------------------------------------------

  void acquire_lease(std::string bucket, std::string key, std::string owner, std::function<void(lease)> handler) override {
    take_lease(std::move(bucket), {std::move(key), 0}, std::move(owner), std::move(handler));
  }

  void renew_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) override {
    if (held.revision == 0)
      return handler(held);
    take_lease(std::move(bucket), std::move(held), std::move(owner), std::move(handler));
  }

  void release_lease(std::string bucket, lease held) override {
    if (!closed_ && held.revision > 0)
      core_->post(
          [core = core_.get(), bucket = std::move(bucket), held = std::move(held)] { drop_lease(*core, bucket, held); });
  }

  // -- end ----------------------------------------------------------------------------------------

  bool flush(std::chrono::milliseconds timeout) override {
    const auto limit = std::chrono::steady_clock::now() + timeout;
    if (closed_ || core_->is_bus_thread() || !core_->flush(timeout))
      return false;
    const auto left = limit - std::chrono::steady_clock::now();
    return publisher_.drain(std::chrono::duration_cast<std::chrono::milliseconds>(left));
  }

  void close() override {
    if (closed_.exchange(true))
      return;
    end_deliveries();
    const bool online = core_->flush(drain_limit_offline);
    if (!publisher_.drain(online ? drain_limit : drain_limit_offline))
      spdlog::warn("nats: closing with durable messages that the server does not have");
    publisher_.stop();
    core_->stop();
  }

private:
  static void listen(const std::weak_ptr<nats_core>& weak, const std::shared_ptr<listener>& who, const std::string& subject,
                     const std::string& group) {
    auto core = weak.lock();
    if (!core || !who->open)
      return;
    who->subscription = core->link().subscribe(subject, group, [weak, listening = std::weak_ptr{who}](bus_message m) {
      if (auto c = weak.lock())
        c->post([listening, m = std::move(m)]() mutable {
          if (auto l = listening.lock(); l && l->open)
            l->handle(std::move(m));
        });
    });
    core->link().flush(1000ms); // from now on it hears what other connections publish
  }

  std::string refusal(const std::string& subject, const std::string& body,
                      const std::map<std::string, std::string>& headers) const {
    if (closed_)
      return "the bus is closed";
    if (!valid_subject(subject))
      return "'" + subject + "' is not a subject";
    size_t bytes = body.size() + 16;
    for (const auto& [name, value] : headers)
      bytes += name.size() + value.size() + 4;
    if (bytes > core_->max_payload())
      return "a message of " + std::to_string(bytes) + " bytes to " + subject + " is larger than the server takes ("
             + std::to_string(core_->max_payload()) + ")";
    return {};
  }

  std::string ensure(const std::string& stream, const std::string& config, const std::vector<std::string>& patterns) {
    if (closed_)
      return "the bus is closed";
    if (core_->is_bus_thread())
      return "streams must not be made inside of a handler";
    auto done = std::make_shared<std::promise<std::string>>();
    auto result = done->get_future();
    core_->post([core = core_.get(), stream, config, patterns, done] {
      core->ensure(stream, config, patterns, [done](const std::string& error) { done->set_value(error); });
    });
    if (result.wait_for(25s) != std::future_status::ready)
      return "stream " + stream + ": no answer from the server";
    const auto error = result.get();
    return error.empty() ? error : "stream " + stream + ": " + error;
  }

  void take_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) {
    if (closed_ || !valid_subject(held.key))
      return handler({held.key, 0});
    auto call =
        std::make_shared<lease_call>(core_, std::move(bucket), std::move(held), std::move(owner), std::move(handler));
    core_->post([call] { call->send(); });
  }

  template <class T>
  subscription_ptr attend(std::shared_ptr<T> who) {
    core_->post([core = core_.get(), who] { core->attend(who); });
    return keep(std::move(who));
  }

  subscription_ptr keep(std::shared_ptr<endable> who) {
    std::lock_guard lock{mutex_};
    std::erase_if(kept_, [](const auto& weak) { return weak.expired(); });
    kept_.push_back(who);
    if (closed_)
      who->open = false;
    return std::make_unique<nats_subscription>(core_, std::move(who));
  }

  void end_deliveries() {
    std::lock_guard lock{mutex_};
    for (const auto& weak : kept_)
      if (auto who = weak.lock(); who && who->open.exchange(false))
        core_->post([who] { who->leave(); });
  }

  std::shared_ptr<nats_core> core_;
  durable_publisher publisher_;
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::vector<std::weak_ptr<endable>> kept_;
};

} // namespace

std::unique_ptr<bus> connect_nats(const nats_settings& settings, std::string& error) {
  auto core = std::make_shared<nats_core>();
  error = core->start(settings);
  if (!error.empty()) {
    core->stop();
    return nullptr;
  }
  return std::make_unique<nats_bus>(std::move(core), settings);
}

} // namespace sextant
