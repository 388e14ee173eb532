// memory_broker.cpp: What the in-process server does with messages: fan out, store, redeliver, lease.
#include "adapters/nats/memory_broker.hpp"

#include <algorithm>
#include <utility>

#include "adapters/nats/subject_match.hpp"

namespace sextant::memory {

namespace {

/// One delivery; frees the member's slot when settled or forgotten.
class memory_delivery : public delivery {
public:
  memory_delivery(std::weak_ptr<broker> where, std::shared_ptr<member> who, std::string key, uint64_t sequence, int number)
    : where_(std::move(where)), who_(std::move(who)), key_(std::move(key)), sequence_(sequence), number_(number) {
    // nop
  }

  ~memory_delivery() override {
    if (!settled_)
      tell([who = who_](broker& b) { b.abandon(who); });
  }

  void ack() override { settle(std::nullopt); }

  void working() override {
    if (!settled_)
      tell([key = key_, sequence = sequence_, number = number_](broker& b) { b.extend(key, sequence, number); });
  }

  void retry(std::chrono::milliseconds after) override { settle(after); }

private:
  void settle(std::optional<std::chrono::milliseconds> again) {
    if (settled_.exchange(true))
      return;
    tell([who = who_, key = key_, sequence = sequence_, number = number_, again](broker& b) {
      b.settle(key, sequence, number, again);
      b.abandon(who);
    });
  }

  void tell(std::function<void(broker&)> task) {
    if (auto b = where_.lock())
      b->post([raw = b.get(), task = std::move(task)] { task(*raw); });
  }

  std::weak_ptr<broker> where_;
  std::shared_ptr<member> who_;
  std::string key_;
  uint64_t sequence_;
  int number_;
  std::atomic<bool> settled_{false};
};

} // namespace

// -- thread -----------------------------------------------------------------------------------------

void broker::post(std::function<void()> task) {
  {
    std::lock_guard lock{mutex_};
    if (stopping_)
      return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void broker::run_now(const std::function<void()>& task) {
  {
    std::lock_guard lock{mutex_};
    if (std::this_thread::get_id() == thread_)
      return task();
    if (stopping_)
      return;
  }
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  post([task, done] {
    task();
    done->set_value();
  });
  finished.wait();
}

void broker::run() {
  std::unique_lock lock{mutex_};
  thread_ = std::this_thread::get_id();
  while (!stopping_) {
    std::function<void()> task;
    if (!tasks_.empty()) {
      task = std::move(tasks_.front());
      tasks_.pop_front();
    } else if (!timers_.empty() && timers_.begin()->first <= clock::now()) {
      task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    } else if (timers_.empty()) {
      wake_.wait(lock);
      continue;
    } else {
      wake_.wait_until(lock, timers_.begin()->first);
      continue;
    }
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
  // Waiting callers of run_now hold their tasks' promises: run what is left, so that nobody waits for ever.
  auto rest = std::move(tasks_);
  lock.unlock();
  for (auto& task : rest)
    task();
  // Handlers may hold subscriptions of this very bus: let go of them here, while the broker is whole.
  subscriptions.clear();
  followers_.clear();
  consumers_.clear();
  timers_.clear();
}

void broker::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
}

void broker::at(clock::time_point when, std::function<void()> task) {
  std::lock_guard lock{mutex_};
  timers_.emplace(when, std::move(task));
}

// -- publishing -------------------------------------------------------------------------------------

broker::heard broker::ingest(const bus_message& message) {
  heard out;
  for (auto& [name, s] : streams_)
    if (std::any_of(s.settings.subjects.begin(), s.settings.subjects.end(),
                    [&](const auto& pattern) { return subject_matches(pattern, message.subject); })) {
      store(s, message, out);
      break;
    }
  // Handlers may subscribe or unsubscribe: choose the receivers first.
  std::erase_if(subscriptions, [](const auto& s) { return !s->alive->open; });
  std::vector<std::shared_ptr<core_subscription>> receivers;
  std::map<std::string, std::vector<std::shared_ptr<core_subscription>>> groups;
  for (const auto& s : subscriptions)
    if (subject_matches(s->pattern, message.subject))
      s->group.empty() ? receivers.push_back(s) : groups[s->group].push_back(s);
  for (auto& [name, members] : groups)
    receivers.push_back(members[group_turn_[name]++ % members.size()]);
  for (const auto& s : receivers)
    if (s->alive->open)
      s->handler(message);
  out.subscribers = static_cast<int>(receivers.size());
  if (!out.stream.empty() && !out.duplicate)
    serve_all();
  return out;
}

void broker::store(stream& s, bus_message message, heard& out) {
  const auto now = clock::now();
  out.stream = s.settings.name;
  expire(s);
  if (auto id = message.headers.find("Nats-Msg-Id"); id != message.headers.end()) {
    auto [known, fresh] = s.ids.try_emplace(id->second, s.last_sequence + 1, now);
    if (!fresh && now - known->second.second < s.settings.duplicate_window) {
      out.sequence = known->second.first;
      out.duplicate = true;
      return;
    }
    known->second = {s.last_sequence + 1, now};
  }
  message.reply.clear();
  message.sequence = out.sequence = ++s.last_sequence;
  s.messages.emplace(message.sequence, stored_message{std::move(message), now});
}

void broker::expire(stream& s) {
  if (s.settings.max_age.count() == 0)
    return;
  const auto oldest = clock::now() - s.settings.max_age;
  while (!s.messages.empty() && s.messages.begin()->second.stored_at < oldest)
    s.messages.erase(s.messages.begin());
}

void broker::request(bus_message message, std::chrono::milliseconds timeout, bus::reply_handler handler) {
  message.reply = "_INBOX.memory." + std::to_string(next_inbox_++);
  auto inbox = std::make_shared<core_subscription>();
  inbox->pattern = message.reply;
  inbox->alive = std::make_shared<gate>();
  auto answer = std::make_shared<bus::reply_handler>(std::move(handler));
  auto alive = inbox->alive;
  inbox->handler = [answer, alive](bus_message reply) {
    if (alive->open.exchange(false))
      (*answer)(std::move(reply), {});
  };
  subscriptions.push_back(inbox);
  const auto who = ingest(message);
  if (!who.stream.empty()) {
    bus_message ack;
    ack.subject = message.reply;
    ack.body = "{\"stream\":\"" + who.stream + "\",\"seq\":" + std::to_string(who.sequence) + "}";
    inbox->handler(ack);
  } else if (who.subscribers == 0 && alive->open.exchange(false)) {
    (*answer)(std::nullopt, "nobody answers on " + message.subject);
  }
  if (alive->open)
    at(clock::now() + timeout, [answer, alive, subject = message.subject] {
      if (alive->open.exchange(false))
        (*answer)(std::nullopt, "no answer in time on " + subject);
    });
}

std::string broker::ensure(const stream_settings& settings) {
  streams_[settings.name].settings = settings;
  serve_all();
  return {};
}

// -- work -------------------------------------------------------------------------------------------

void broker::join(const consumer_settings& settings, std::shared_ptr<member> who) {
  auto& c = consumers_[settings.stream + "/" + settings.name];
  c.settings = settings;
  c.members.push_back(std::move(who));
  serve_all();
}

/// Serves until nothing moves; handlers that publish on this thread only ask for another round.
void broker::serve_all() {
  serve_again_ = true;
  if (serving_)
    return;
  serving_ = true;
  while (serve_again_) {
    serve_again_ = false;
    const auto known = followers_; // handlers may add followers
    for (const auto& f : known)
      serve_again_ = feed(*f) || serve_again_;
    std::erase_if(followers_, [](const auto& f) { return !f->alive->open; });
    for (auto& [key, c] : consumers_)
      serve(c);
  }
  serving_ = false;
}

void broker::serve(consumer& c) {
  auto found = streams_.find(c.settings.stream);
  if (found == streams_.end())
    return;
  auto& s = found->second;
  const auto now = clock::now();
  for (auto& [sequence, p] : c.pending) {
    if (p.due > now)
      continue;
    if (auto to = free_member(c))
      hand_over(c, sequence, p, to);
  }
  for (auto i = s.messages.lower_bound(c.next_sequence); i != s.messages.end(); ++i) {
    if (subject_matches(c.settings.filter, i->second.message.subject)) {
      auto to = free_member(c);
      if (!to)
        return;
      hand_over(c, i->first, c.pending[i->first], to);
    }
    c.next_sequence = i->first + 1;
  }
}

void broker::hand_over(consumer& c, uint64_t sequence, pending_message& p, const std::shared_ptr<member>& to) {
  auto& s = streams_[c.settings.stream];
  auto stored = s.messages.find(sequence);
  if (stored == s.messages.end()) {
    p.due = clock::time_point::max(); // expired while waiting: nothing left to deliver
    return;
  }
  ++p.deliveries;
  p.out = true;
  p.due = clock::now() + c.settings.ack_wait;
  at(p.due, [this] { serve_all(); });
  ++to->in_flight;
  if (to->credit > 0)
    --to->credit;
  auto message = stored->second.message;
  message.delivery = p.deliveries;
  to->handler(std::move(message), std::make_shared<memory_delivery>(weak_from_this(), to,
                                                                    c.settings.stream + "/" + c.settings.name, sequence,
                                                                    p.deliveries));
}

std::shared_ptr<member> broker::free_member(consumer& c) {
  std::erase_if(c.members, [](const auto& m) { return !m->alive->open; });
  for (size_t i = 0; i < c.members.size(); ++i) {
    auto& m = c.members[c.turn++ % c.members.size()];
    if (m->in_flight < m->max_in_flight && m->credit != 0)
      return m;
  }
  return nullptr;
}

pending_message* broker::outstanding(const std::string& key, uint64_t sequence, int deliveries) {
  auto c = consumers_.find(key);
  if (c == consumers_.end())
    return nullptr;
  auto p = c->second.pending.find(sequence);
  if (p == c->second.pending.end() || p->second.deliveries != deliveries)
    return nullptr; // settled, or a later delivery is out
  return &p->second;
}

void broker::settle(const std::string& key, uint64_t sequence, int deliveries,
                    std::optional<std::chrono::milliseconds> again) {
  auto c = consumers_.find(key);
  if (c == consumers_.end())
    return;
  if (again) {
    if (auto* p = outstanding(key, sequence, deliveries)) {
      p->out = false;
      p->due = clock::now() + *again;
      at(p->due, [this] { serve_all(); });
    }
  } else if (c->second.pending.erase(sequence) > 0) {
    if (auto s = streams_.find(c->second.settings.stream); s != streams_.end() && s->second.settings.work_queue)
      s->second.messages.erase(sequence);
  }
  serve_all();
}

void broker::extend(const std::string& key, uint64_t sequence, int deliveries) {
  if (auto* p = outstanding(key, sequence, deliveries); p && p->out) {
    p->due = clock::now() + consumers_[key].settings.ack_wait;
    at(p->due, [this] { serve_all(); });
  }
}

void broker::abandon(const std::shared_ptr<member>& who) {
  --who->in_flight;
  serve_all();
}

void broker::set_credit(const std::shared_ptr<member>& who, int messages) {
  who->credit = messages;
  serve_all();
}

// -- following --------------------------------------------------------------------------------------

void broker::follow(std::shared_ptr<follower> who) {
  followers_.push_back(std::move(who));
  serve_all();
}

/// Gives a follower what it has not seen; tells whether anything was given.
bool broker::feed(follower& f) {
  auto found = streams_.find(f.stream);
  if (found == streams_.end())
    return false;
  auto& s = found->second;
  expire(s);
  bool any = false;
  const auto last = s.last_sequence;
  while (f.alive->open) {
    auto i = s.messages.lower_bound(f.next_sequence);
    if (i == s.messages.end() || i->first > last)
      break;
    f.next_sequence = i->first + 1;
    if (subject_matches(f.filter, i->second.message.subject)) {
      any = true;
      f.handler(i->second.message);
    }
  }
  if (auto done = std::exchange(f.caught_up, nullptr); done && f.alive->open)
    done();
  return any;
}

void broker::forget_closed() {
  std::erase_if(subscriptions, [](const auto& s) { return !s->alive->open; });
  std::erase_if(followers_, [](const auto& f) { return !f->alive->open; });
  for (auto& [key, c] : consumers_)
    std::erase_if(c.members, [](const auto& m) { return !m->alive->open; });
}

// -- leases -----------------------------------------------------------------------------------------

uint64_t broker::take_lease(const std::string& name, const std::string& key, const std::string& owner, uint64_t held) {
  auto b = buckets.find(name);
  if (b == buckets.end())
    return 0;
  const auto now = clock::now();
  auto e = b->second.entries.find(key);
  const bool there = e != b->second.entries.end() && e->second.expires > now;
  if ((there ? e->second.revision : 0) != held)
    return 0;
  const auto revision = ++b->second.last_revision;
  b->second.entries[key] = {owner, revision, now + b->second.ttl};
  return revision;
}

void broker::drop_lease(const std::string& name, const lease& held) {
  auto b = buckets.find(name);
  if (b == buckets.end())
    return;
  if (auto e = b->second.entries.find(held.key); e != b->second.entries.end() && e->second.revision == held.revision)
    b->second.entries.erase(e);
}

} // namespace sextant::memory
