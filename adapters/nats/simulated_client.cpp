// simulated_client.cpp: A client of the simulated server: what it sends again, what it has to ask for anew.
#include <algorithm>
#include <utility>

#include "adapters/nats/jetstream_api.hpp"
#include "adapters/nats/simulated_world.hpp"
#include "adapters/nats/subject_match.hpp"

namespace sextant {

namespace {

constexpr size_t max_payload_bytes = 8 * 1024 * 1024; // as the private server's

bus_message make(std::string subject, std::string body, std::map<std::string, std::string> headers) {
  bus_message m;
  m.subject = std::move(subject);
  m.body = std::move(body);
  m.headers = std::move(headers);
  return m;
}

std::string refusal(const std::string& subject, size_t bytes) {
  if (!valid_subject(subject))
    return "'" + subject + "' is not a subject";
  if (bytes > max_payload_bytes)
    return "message of " + std::to_string(bytes) + " bytes is larger than the server takes";
  return {};
}

/// What the client's process holds of a subscription.
class simulated_subscription final : public subscription {
public:
  explicit simulated_subscription(std::shared_ptr<simulated_client::registration> r) : r_(std::move(r)) {}
  ~simulated_subscription() override {
    r_->open = false;
    r_->attach = nullptr;
    if (r_->alive)
      r_->alive->open = false;
  }
  void set_credit(int messages) override {
    if (r_->credit)
      r_->credit(messages);
  }

private:
  std::shared_ptr<simulated_client::registration> r_;
};

/// A delivery whose settlement travels to the server.
class far_delivery final : public delivery {
public:
  far_delivery(std::weak_ptr<simulated_client> client, delivery_ptr there, std::function<void()> acknowledged)
      : client_(std::move(client)), there_(std::move(there)), acknowledged_(std::move(acknowledged)) {}

  ~far_delivery() override {
    if (auto c = client_.lock(); c && there_)
      c->up([there = std::move(there_)](memory::broker&) mutable { there.reset(); });
  }
  void ack() override {
    if (acknowledged_)
      acknowledged_();
    tell([there = there_] { there->ack(); });
  }
  void working() override {
    tell([there = there_] { there->working(); });
  }
  void retry(std::chrono::milliseconds after) override {
    tell([there = there_, after] { there->retry(after); });
  }

private:
  void tell(const std::function<void()>& what) {
    if (auto c = client_.lock())
      c->up([what](memory::broker&) { what(); });
  }

  std::weak_ptr<simulated_client> client_;
  delivery_ptr there_;
  std::function<void()> acknowledged_;
};

} // namespace

// -- the connection -----------------------------------------------------------------------------------

void simulated_client::up(std::function<void(memory::broker&)> task) {
  if (dead_ || !connected_)
    return;
  last_up_ = std::max(last_up_, around_.now + around_.delay());
  around_.at(last_up_, [self = shared_from_this(), task = std::move(task), connection = connection_] {
    if (self->connected_ && self->connection_ == connection && !self->dead_)
      task(*self->around_.server);
  });
}

void simulated_client::down(std::function<void()> task) {
  if (dead_ || !connected_)
    return;
  last_down_ = std::max(last_down_, around_.now + around_.delay());
  around_.at(last_down_, [self = shared_from_this(), task = std::move(task), connection = connection_] {
    if (self->dead_ || self->connection_ != connection)
      return;
    if (self->frozen_)
      self->waiting_for_thaw_.push_back(task);
    else
      task();
  });
}

void simulated_client::disconnect() {
  connected_ = false;
  ++connection_;
  for (auto& r : registrations_)
    if (r->alive)
      r->alive->open = false;
}

void simulated_client::reconnect() {
  if (dead_ || connected_)
    return;
  connected_ = true;
  std::erase_if(registrations_, [](const auto& r) { return !r->open; });
  for (const auto& r : std::vector{registrations_})
    r->attach();
  for (auto& task : std::exchange(waiting_for_connection_, {}))
    up(std::move(task));
  for (const auto& c : std::vector{calls_})
    c->send();
}

void simulated_client::die() {
  dead_ = true;
  disconnect();
  for (auto& r : registrations_)
    r->attach = nullptr;
  for (auto& c : calls_) {
    c->drop();
    c->send = nullptr;
  }
  registrations_.clear();
  calls_.clear();
  waiting_for_thaw_.clear();
  waiting_for_connection_.clear();
}

void simulated_client::thaw() {
  frozen_ = false;
  for (auto& task : std::exchange(waiting_for_thaw_, {}))
    around_.at(around_.now, [self = shared_from_this(), task = std::move(task)] {
      if (!self->dead_)
        task();
    });
}

subscription_ptr simulated_client::keep(const std::shared_ptr<registration>& r) {
  if (!dead_) {
    registrations_.push_back(r);
    if (connected_)
      r->attach();
  }
  return std::make_unique<simulated_subscription>(r);
}

void simulated_client::insist(const std::shared_ptr<call>& c) {
  if (dead_)
    return;
  std::erase_if(calls_, [](const auto& x) { return x->answered; });
  calls_.push_back(c);
  if (connected_)
    c->send();
}

// -- core -----------------------------------------------------------------------------------------------

void simulated_client::publish(std::string subject, std::string body, std::map<std::string, std::string> headers) {
  if (dead_ || !refusal(subject, body.size()).empty())
    return;
  auto send = [m = make(std::move(subject), std::move(body), std::move(headers))](memory::broker& server) {
    server.ingest(m);
  };
  if (connected_)
    up(std::move(send));
  else if (!around_.chance(around_.weather.lost_pauses))
    waiting_for_connection_.push_back(std::move(send));
}

subscription_ptr simulated_client::subscribe(std::string subject, message_handler handler) {
  return subscribe_group(std::move(subject), {}, std::move(handler));
}

subscription_ptr simulated_client::subscribe_group(std::string subject, std::string group, message_handler handler) {
  auto r = std::make_shared<registration>();
  r->attach = [this, raw = r.get(), subject = std::move(subject), group = std::move(group), handler = std::move(handler)] {
    auto s = std::make_shared<memory::core_subscription>();
    s->pattern = subject;
    s->group = group;
    s->alive = raw->alive = std::make_shared<memory::gate>();
    s->handler = [self = weak_from_this(), alive = s->alive, handler](bus_message m) {
      if (auto c = self.lock())
        c->down([alive, handler, m = std::move(m)] {
          if (alive->open)
            handler(m);
        });
    };
    up([s](memory::broker& server) { server.subscriptions.push_back(s); });
  };
  return keep(r);
}

void simulated_client::request(std::string subject, std::string body, std::chrono::milliseconds timeout,
                               reply_handler handler) {
  if (auto why = refusal(subject, body.size()); dead_ || !why.empty())
    return handler(std::nullopt, why.empty() ? "the bus is closed" : why);
  auto c = std::make_shared<call>();
  auto answer = std::make_shared<reply_handler>(std::move(handler));
  auto finish = [c, answer](std::optional<bus_message> m, const std::string& error) {
    if (!std::exchange(c->answered, true) && *answer)
      std::exchange(*answer, nullptr)(std::move(m), error);
  };
  c->drop = [answer] { *answer = nullptr; };
  c->send = [] {}; // asked once: whoever wants to know asks again
  insist(c);
  auto ask = [self = weak_from_this(), m = make(subject, std::move(body), {}), timeout, finish](memory::broker& server) {
    server.request(m, timeout, [self, finish](std::optional<bus_message> reply, const std::string& error) {
      if (auto me = self.lock())
        me->down([finish, reply, error] { finish(reply, error); });
    });
  };
  if (connected_)
    up(std::move(ask));
  else
    waiting_for_connection_.push_back(std::move(ask));
  around_.at(around_.now + timeout, [self = weak_from_this(), finish, subject] {
    auto me = self.lock();
    if (!me || me->dead_)
      return;
    if (me->frozen_)
      me->waiting_for_thaw_.push_back([finish, subject] { finish(std::nullopt, "no answer in time on " + subject); });
    else
      finish(std::nullopt, "no answer in time on " + subject);
  });
}

// -- durable ----------------------------------------------------------------------------------------------

std::string simulated_client::ensure_stream(const stream_settings& settings) {
  return around_.server->ensure(settings);
}

std::string simulated_client::ensure_bucket(const std::string& bucket, std::chrono::milliseconds ttl, int) {
  around_.server->ensure_bucket(bucket, around_.weather.expiry ? ttl : std::chrono::milliseconds{0});
  return {};
}

std::string simulated_client::find_stream(const stream_settings& settings) {
  return around_.server->has_stream(settings.name) ? std::string{} : "stream " + settings.name + " is not at the server";
}

std::string simulated_client::find_bucket(const std::string& bucket) {
  stream_settings settings;
  settings.name = jetstream::bucket_stream(bucket);
  return find_stream(settings);
}

// Its streams have no limits.
void simulated_client::publish_durable(std::string subject, std::string message_id, std::string body,
                                       std::map<std::string, std::string> headers, done_handler done, when_full) {
  if (!done)
    done = [](const std::string&) {};
  if (auto why = refusal(subject, body.size()); dead_ || !why.empty())
    return done(why.empty() ? "the bus is closed" : why);
  if (!message_id.empty() && around_.weather.dedup)
    headers["Nats-Msg-Id"] = std::move(message_id);
  auto c = std::make_shared<call>();
  auto handler = std::make_shared<done_handler>(std::move(done));
  c->drop = [handler] { *handler = nullptr; };
  c->send = [this, weak = std::weak_ptr{c}, handler, m = make(std::move(subject), std::move(body), std::move(headers))] {
    up([self = weak_from_this(), weak, handler, m](memory::broker& server) {
      const auto heard = server.ingest(m);
      const auto error = !heard.error.empty() ? heard.error : heard.stream.empty() ? "no stream takes " + m.subject : "";
      if (auto me = self.lock())
        me->down([weak, handler, error] {
          auto answered = weak.lock();
          if (answered && !std::exchange(answered->answered, true) && *handler)
            std::exchange(*handler, nullptr)(error);
        });
    });
  };
  insist(c);
}

subscription_ptr simulated_client::consume(consumer_settings settings, work_handler handler) {
  auto r = std::make_shared<registration>();
  auto done = std::make_shared<std::set<uint64_t>>(); // acknowledged by this process: never shown to it again
  r->attach = [this, raw = r.get(), settings, handler = std::move(handler), done] {
    auto who = std::make_shared<memory::member>();
    who->alive = raw->alive = std::make_shared<memory::gate>();
    who->max_in_flight = settings.max_in_flight;
    who->handler = [self = weak_from_this(), alive = who->alive, handler, done](bus_message m, delivery_ptr there) {
      auto c = self.lock();
      if (!c)
        return;
      const auto sequence = m.sequence;
      auto here = std::make_shared<far_delivery>(c, std::move(there), [done, sequence] { done->insert(sequence); });
      c->down([alive, handler, done, m = std::move(m), here] {
        if (!alive->open)
          return;
        if (done->count(m.sequence))
          here->ack();
        else
          handler(m, here);
      });
    };
    raw->credit = [self = weak_from_this(), who](int messages) {
      if (auto c = self.lock())
        c->up([who, messages](memory::broker& server) { server.set_credit(who, std::max(0, messages)); });
    };
    up([settings, who](memory::broker& server) { server.join(settings, who); });
  };
  return keep(r);
}

subscription_ptr simulated_client::follow(std::string stream, std::string filter, uint64_t from_sequence,
                                          message_handler handler, std::function<void()> caught_up) {
  auto r = std::make_shared<registration>();
  auto next = std::make_shared<uint64_t>(from_sequence);
  auto done = std::make_shared<std::function<void()>>(std::move(caught_up));
  r->attach = [this, raw = r.get(), stream = std::move(stream), filter = std::move(filter), handler = std::move(handler),
               next, done] {
    auto who = std::make_shared<memory::follower>();
    who->alive = raw->alive = std::make_shared<memory::gate>();
    who->stream = stream;
    who->filter = filter;
    who->next_sequence = *next;
    who->handler = [self = weak_from_this(), alive = who->alive, handler, next](bus_message m) {
      if (auto c = self.lock())
        c->down([alive, handler, next, m = std::move(m)] {
          if (!alive->open)
            return;
          *next = m.sequence + 1;
          handler(m);
        });
    };
    who->caught_up = [self = weak_from_this(), alive = who->alive, done] {
      if (auto c = self.lock())
        c->down([alive, done] {
          if (alive->open && *done)
            std::exchange(*done, nullptr)();
        });
    };
    up([who](memory::broker& server) { server.follow(who); });
  };
  return keep(r);
}

// -- leases -------------------------------------------------------------------------------------------------

void simulated_client::call_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) {
  if (dead_)
    return handler({held.key, 0});
  auto c = std::make_shared<call>();
  auto answer = std::make_shared<std::function<void(lease)>>(std::move(handler));
  const auto id = std::to_string(around_.random());
  c->drop = [answer] { *answer = nullptr; };
  c->send = [this, weak = std::weak_ptr{c}, answer, bucket = std::move(bucket), held = std::move(held),
             owner = std::move(owner), id] {
    up([self = weak_from_this(), weak, answer, bucket, held, owner, id](memory::broker& server) {
      const lease now{held.key, server.take_lease(bucket, held.key, owner, held.revision, id)};
      if (auto me = self.lock())
        me->down([weak, answer, now] {
          auto answered = weak.lock();
          if (answered && !std::exchange(answered->answered, true) && *answer)
            std::exchange(*answer, nullptr)(now);
        });
    });
  };
  insist(c);
}

void simulated_client::acquire_lease(std::string bucket, std::string key, std::string owner,
                                     std::function<void(lease)> handler) {
  call_lease(std::move(bucket), {std::move(key), 0}, std::move(owner), std::move(handler));
}

void simulated_client::renew_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) {
  if (held.revision == 0)
    return handler(held);
  call_lease(std::move(bucket), std::move(held), std::move(owner), std::move(handler));
}

void simulated_client::release_lease(std::string bucket, lease held) {
  up([bucket = std::move(bucket), held = std::move(held)](memory::broker& server) { server.drop_lease(bucket, held); });
}

} // namespace sextant
