// memory_broker.cpp: What the in-process server does with messages: fan out, store, redeliver, lease.
#include "adapters/nats/memory_broker.hpp"

#include <algorithm>
#include <utility>

#include "adapters/nats/jetstream_api.hpp"
#include "adapters/nats/subject_match.hpp"

namespace sextant::memory {

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
    } else if (!timers_.empty() && timers_.begin()->first <= now()) {
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
  if (!out.stream.empty() && !out.duplicate && out.error.empty())
    serve_all();
  return out;
}

void broker::store(stream& s, bus_message message, heard& out) {
  const auto time = now();
  out.stream = s.settings.name;
  expire(s);
  if (auto id = message.headers.find("Nats-Msg-Id"); id != message.headers.end()) {
    const auto known = s.ids.find(id->second);
    if (known != s.ids.end() && time - known->second.second < s.settings.duplicate_window) {
      out.sequence = known->second.first;
      out.duplicate = true;
      return;
    }
  }
  if (auto expected = message.headers.find(std::string{jetstream::expected_sequence_header});
      expected != message.headers.end()) {
    uint64_t last = 0;
    for (const auto& [sequence, stored] : s.messages)
      if (stored.message.subject == message.subject)
        last = sequence;
    if (std::to_string(last) != expected->second) {
      out.error = "wrong last sequence: " + std::to_string(last);
      return;
    }
  }
  if (auto id = message.headers.find("Nats-Msg-Id"); id != message.headers.end())
    s.ids[id->second] = {s.last_sequence + 1, time};
  message.reply.clear();
  message.sequence = out.sequence = ++s.last_sequence;
  if (s.last_of_subject)
    std::erase_if(s.messages, [&](const auto& x) { return x.second.message.subject == message.subject; });
  s.messages.emplace(out.sequence, stored_message{std::move(message), time});
}

void broker::expire(stream& s) {
  if (s.max_age.count() == 0)
    return;
  const auto oldest = now() - s.max_age;
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
    at(now() + timeout, [answer, alive, subject = message.subject] {
      if (alive->open.exchange(false))
        (*answer)(std::nullopt, "no answer in time on " + subject);
    });
}

std::string broker::ensure(const stream_settings& settings) {
  auto& s = streams_[settings.name];
  s.settings = settings;
  s.max_age = settings.max_age;
  serve_all();
  return {};
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

void broker::forget_memory_streams() {
  for (auto& [name, s] : streams_)
    if (s.settings.in_memory) {
      s.messages.clear();
      s.ids.clear();
    }
}

void broker::forget_closed() {
  std::erase_if(subscriptions, [](const auto& s) { return !s->alive->open; });
  std::erase_if(followers_, [](const auto& f) { return !f->alive->open; });
  for (auto& [key, c] : consumers_)
    std::erase_if(c.members, [](const auto& m) { return !m->alive->open; });
}

// -- leases -----------------------------------------------------------------------------------------

void broker::ensure_bucket(const std::string& name, std::chrono::milliseconds ttl) {
  stream_settings settings;
  settings.name = jetstream::bucket_stream(name);
  settings.subjects = {jetstream::lease_subject(name, ">")};
  auto& s = streams_[settings.name];
  s.settings = std::move(settings);
  s.max_age = ttl;
  s.last_of_subject = true;
}

stream* broker::bucket(const std::string& name) {
  auto found = streams_.find(jetstream::bucket_stream(name));
  if (found == streams_.end())
    return nullptr;
  expire(found->second);
  return &found->second;
}

uint64_t broker::take_lease(const std::string& name, const std::string& key, const std::string& owner, uint64_t held,
                            const std::string& id) {
  auto* b = bucket(name);
  if (!b)
    return 0;
  bus_message value;
  value.subject = jetstream::lease_subject(name, key);
  value.body = owner;
  if (!id.empty()) {
    if (auto known = b->ids.find(id); known != b->ids.end())
      return known->second.first;
    value.headers["Nats-Msg-Id"] = id;
  }
  uint64_t present = 0;
  for (const auto& [revision, stored] : b->messages)
    if (stored.message.subject == value.subject)
      present = revision;
  return present == held ? ingest(value).sequence : 0;
}

void broker::drop_lease(const std::string& name, const lease& held) {
  if (auto* b = bucket(name))
    if (auto e = b->messages.find(held.revision);
        e != b->messages.end() && e->second.message.subject == jetstream::lease_subject(name, held.key))
      b->messages.erase(e);
}

} // namespace sextant::memory
