// memory_work.cpp: Work consumers of the in-process broker: who gets what, and what comes back.
#include <algorithm>

#include "adapters/nats/memory_broker.hpp"
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
  const auto time = now();
  for (auto& [sequence, p] : c.pending) {
    if (p.due > time)
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
  p.due = now() + c.settings.ack_wait;
  at(p.due, [this] { serve_all(); });
  ++to->in_flight;
  if (to->credit > 0)
    --to->credit;
  auto message = stored->second.message;
  message.delivery = p.deliveries;
  to->handler(std::move(message),
              std::make_shared<memory_delivery>(weak_from_this(), to, c.settings.stream + "/" + c.settings.name, sequence,
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
      p->due = now() + *again;
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
    p->due = now() + consumers_[key].settings.ack_wait;
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

} // namespace sextant::memory
