// memory_bus.cpp: Clients of the in-process broker; every call becomes a task on the broker's thread.
#include "adapters/nats/memory_bus.hpp"

#include "adapters/nats/jetstream_api.hpp"
#include "adapters/nats/memory_broker.hpp"
#include "adapters/nats/subject_match.hpp"

namespace sextant {

/// Owns the broker's thread.
class memory_broker {
public:
  memory_broker() : core(std::make_shared<memory::broker>()), thread_([core = core] { core->run(); }) {
    // nop
  }

  ~memory_broker() {
    core->stop();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach(); // the last client went away inside a handler
    else
      thread_.join();
  }

  std::shared_ptr<memory::broker> core;

private:
  std::thread thread_;
};

namespace {

constexpr size_t max_payload_bytes = 8 * 1024 * 1024; // as the private server's

class memory_subscription : public subscription {
public:
  memory_subscription(std::weak_ptr<memory::broker> core, memory::gate_ptr alive, std::shared_ptr<memory::member> who = {})
      : core_(std::move(core)), alive_(std::move(alive)), who_(std::move(who)) {
    // nop
  }

  ~memory_subscription() override { alive_->open = false; }

  void set_credit(int messages) override {
    if (auto core = core_.lock(); core && who_)
      core->post([raw = core.get(), who = who_, messages] { raw->set_credit(who, std::max(0, messages)); });
  }

private:
  std::weak_ptr<memory::broker> core_;
  memory::gate_ptr alive_;
  std::shared_ptr<memory::member> who_;
};

class memory_bus : public bus {
public:
  explicit memory_bus(std::shared_ptr<memory_broker> broker) : broker_(std::move(broker)), core_(broker_->core.get()) {
    // nop
  }

  ~memory_bus() override { memory_bus::close(); }

  void publish(std::string subject, std::string body, std::map<std::string, std::string> headers) override {
    if (closed_ || !valid_subject(subject) || body.size() > max_payload_bytes)
      return;
    core_->post([core = core_, m = make(std::move(subject), std::move(body), std::move(headers))] { core->ingest(m); });
  }

  subscription_ptr subscribe(std::string subject, message_handler handler) override {
    return subscribe_group(std::move(subject), {}, std::move(handler));
  }

  subscription_ptr subscribe_group(std::string subject, std::string group, message_handler handler) override {
    auto s = std::make_shared<memory::core_subscription>();
    s->pattern = std::move(subject);
    s->group = std::move(group);
    s->handler = std::move(handler);
    s->alive = new_gate();
    auto out = std::make_unique<memory_subscription>(broker_->core, s->alive);
    core_->post([core = core_, s] { core->subscriptions.push_back(s); });
    return out;
  }

  void request(std::string subject, std::string body, std::chrono::milliseconds timeout, reply_handler handler) override {
    if (closed_ || !valid_subject(subject) || body.size() > max_payload_bytes) {
      handler(std::nullopt, refusal(subject, body.size()));
      return;
    }
    core_->post([core = core_, m = make(std::move(subject), std::move(body), {}), timeout, handler = std::move(handler)] {
      core->request(m, timeout, handler);
    });
  }

  std::string ensure_stream(const stream_settings& settings) override {
    core_->run_now([&] { core_->ensure(settings); });
    return {};
  }

  std::string ensure_bucket(const std::string& bucket, std::chrono::milliseconds ttl, int) override {
    core_->run_now([&] { core_->ensure_bucket(bucket, ttl); });
    return {};
  }

  std::string find_stream(const stream_settings& settings) override {
    bool there = false;
    core_->run_now([&] { there = core_->has_stream(settings.name); });
    return there ? std::string{} : "stream " + settings.name + " is not at the server";
  }

  std::string find_bucket(const std::string& bucket) override {
    stream_settings settings;
    settings.name = jetstream::bucket_stream(bucket);
    return find_stream(settings);
  }

  void publish_durable(std::string subject, std::string message_id, std::string body,
                       std::map<std::string, std::string> headers, done_handler done,
                       when_full) override { // it has no limits
    if (!done)
      done = [](const std::string&) {};
    if (closed_ || !valid_subject(subject) || body.size() > max_payload_bytes)
      return done(refusal(subject, body.size()));
    if (!message_id.empty())
      headers["Nats-Msg-Id"] = std::move(message_id);
    core_->post([core = core_, m = make(std::move(subject), std::move(body), std::move(headers)), done = std::move(done)] {
      const auto heard = core->ingest(m);
      done(heard.stream.empty() ? "no stream takes " + m.subject : heard.error);
    });
  }

  subscription_ptr consume(consumer_settings settings, work_handler handler) override {
    auto who = std::make_shared<memory::member>();
    who->handler = std::move(handler);
    who->alive = new_gate();
    who->max_in_flight = settings.max_in_flight;
    auto out = std::make_unique<memory_subscription>(broker_->core, who->alive, who);
    core_->post([core = core_, settings = std::move(settings), who] { core->join(settings, who); });
    return out;
  }

  subscription_ptr follow(std::string stream, std::string filter, uint64_t from_sequence, message_handler handler,
                          std::function<void()> caught_up) override {
    auto who = std::make_shared<memory::follower>();
    who->stream = std::move(stream);
    who->filter = std::move(filter);
    who->next_sequence = from_sequence;
    who->handler = std::move(handler);
    who->caught_up = std::move(caught_up);
    who->alive = new_gate();
    auto out = std::make_unique<memory_subscription>(broker_->core, who->alive);
    core_->post([core = core_, who] { core->follow(who); });
    return out;
  }

  void acquire_lease(std::string bucket, std::string key, std::string owner, std::function<void(lease)> handler) override {
    lease_call(std::move(bucket), {std::move(key), 0}, std::move(owner), std::move(handler));
  }

  void renew_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) override {
    if (held.revision == 0)
      return handler(held);
    lease_call(std::move(bucket), std::move(held), std::move(owner), std::move(handler));
  }

  void release_lease(std::string bucket, lease held) override {
    if (!closed_)
      core_->post([core = core_, bucket = std::move(bucket), held = std::move(held)] { core->drop_lease(bucket, held); });
  }

  bool flush(std::chrono::milliseconds) override {
    core_->run_now([] {});
    return true;
  }

  void close() override {
    if (closed_.exchange(true))
      return;
    core_->run_now([] {}); // what was published before is still delivered
    std::lock_guard lock{mutex_};
    for (auto& weak : gates_)
      if (auto g = weak.lock())
        g->open = false;
    core_->post([raw = core_] { raw->forget_closed(); });
  }

private:
  static bus_message make(std::string subject, std::string body, std::map<std::string, std::string> headers) {
    bus_message m;
    m.subject = std::move(subject);
    m.body = std::move(body);
    m.headers = std::move(headers);
    return m;
  }

  std::string refusal(const std::string& subject, size_t bytes) const {
    if (closed_)
      return "the bus is closed";
    if (bytes > max_payload_bytes)
      return "message of " + std::to_string(bytes) + " bytes is larger than the server takes";
    return "'" + subject + "' is not a subject";
  }

  void lease_call(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) {
    if (closed_)
      return handler({held.key, 0});
    core_->post([core = core_, bucket = std::move(bucket), held = std::move(held), owner = std::move(owner),
                 handler = std::move(handler)] {
      handler({held.key, core->take_lease(bucket, held.key, owner, held.revision)});
    });
  }

  memory::gate_ptr new_gate() {
    auto g = std::make_shared<memory::gate>();
    std::lock_guard lock{mutex_};
    std::erase_if(gates_, [](const auto& weak) { return weak.expired(); });
    gates_.push_back(g);
    g->open = !closed_;
    return g;
  }

  std::shared_ptr<memory_broker> broker_;
  memory::broker* core_;
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::vector<std::weak_ptr<memory::gate>> gates_;
};

} // namespace

std::shared_ptr<memory_broker> make_memory_broker() {
  return std::make_shared<memory_broker>();
}

std::unique_ptr<bus> make_memory_bus(std::shared_ptr<memory_broker> broker) {
  return std::make_unique<memory_bus>(std::move(broker));
}

std::unique_ptr<bus> make_memory_bus() {
  return make_memory_bus(make_memory_broker());
}

} // namespace sextant
