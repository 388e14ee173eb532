// work_puller.cpp: Event-driven pull from a durable consumer.
#include "adapters/nats/work_puller.hpp"

#include <algorithm>
#include <charconv>

#include <spdlog/spdlog.h>

namespace sextant {

using namespace std::chrono_literals;

namespace {

constexpr auto request_life = 5000ms; ///< how long a pull request waits at the server
constexpr size_t done_kept = 8192;

/// One delivery; acknowledges by publishing to the reply subject.
class nats_delivery : public delivery {
public:
  nats_delivery(std::weak_ptr<nats_core> core, std::shared_ptr<work_puller> from, std::string reply, std::string identity)
      : core_(std::move(core)), from_(std::move(from)), reply_(std::move(reply)), identity_(std::move(identity)) {
    // nop
  }

  ~nats_delivery() override {
    if (!settled_)
      tell({}, false);
  }

  void ack() override {
    if (!settled_.exchange(true))
      tell("+ACK", true);
  }

  void working() override {
    if (!settled_)
      if (auto core = core_.lock())
        core->post([from = from_, reply = reply_] { from->answer(reply, "+WPI"); });
  }

  void retry(std::chrono::milliseconds after) override {
    if (!settled_.exchange(true))
      tell(jetstream::retry_ack(after), false);
  }

private:
  void tell(std::string text, bool acknowledged) {
    auto core = core_.lock();
    if (!core)
      return;
    core->post([from = from_, reply = reply_, text = std::move(text), acknowledged, identity = identity_] {
      if (!text.empty())
        from->answer(reply, text);
      from->settled(identity, acknowledged);
    });
  }

  std::weak_ptr<nats_core> core_;
  std::shared_ptr<work_puller> from_; ///< a delivery outlives its subscription
  std::string reply_;
  std::string identity_;
  std::atomic<bool> settled_{false};
};

/// What stays the same when a message comes again. A killed server forgets the ids of acknowledged messages: what a
/// publisher then sends again is stored again, at another sequence. A stream made anew counts from 1 again, hence the time.
std::string identity_of(const bus_message& m, const jetstream::position& where) {
  const auto id = m.headers.find(std::string{jetstream::message_id_header});
  return id != m.headers.end() ? id->second : std::to_string(where.stream_sequence) + "/" + std::to_string(where.stored_ns);
}

int header_number(const bus_message& m, const char* name, int otherwise) {
  const auto i = m.headers.find(name);
  if (i != m.headers.end())
    std::from_chars(i->second.data(), i->second.data() + i->second.size(), otherwise);
  return otherwise;
}

} // namespace

work_puller::work_puller(std::shared_ptr<nats_core> core, consumer_settings settings, bus::work_handler handler)
    : core_(core), settings_(std::move(settings)), handler_(std::move(handler)) {
  // nop
}

// -- rounds -----------------------------------------------------------------------------------------

void work_puller::renew() {
  begin_round();
}

/// A fresh inbox, the consumer made sure of, and new pull requests.
void work_puller::begin_round() {
  auto core = core_.lock();
  if (!core || !open)
    return;
  renewing_ = false;
  ready_ = false;
  subscribe();
  core->api("CONSUMER.DURABLE.CREATE." + settings_.stream + "." + settings_.name, jetstream::work_consumer_config(settings_),
            [weak = weak_from_this(), round = round_](std::optional<jetstream::answer> a, const std::string& error) {
              auto self = weak.lock();
              if (!self || round != self->round_)
                return;
              if (!a || a->error != jetstream::no_error)
                return self->begin_round_after(200ms, a ? a->text : error);
              self->ready_ = true;
              self->failures_ = 0;
              self->pull();
            });
}

void work_puller::begin_round_after(std::chrono::milliseconds wait, const std::string& why) {
  auto core = core_.lock();
  if (!core || !open || renewing_)
    return;
  if (failures_++ == 0)
    spdlog::info("nats: consumer {} of {}: {}", settings_.name, settings_.stream, why);
  renewing_ = true;
  ready_ = false;
  wait = std::min<std::chrono::milliseconds>(2000ms, wait * std::min(failures_, 10));
  core->post_after(wait, [weak = weak_from_this(), round = round_] {
    if (auto self = weak.lock(); self && self->renewing_ && round == self->round_)
      self->begin_round();
  });
}

void work_puller::subscribe() {
  auto core = core_.lock();
  core->retire(std::move(subscription_)); // what is on its way is still seen, and taken or given back
  ++round_;
  requested_ = 0;
  inbox_ = nats_link::new_inbox();
  subscription_ =
      core->link().subscribe(inbox_ + ".*", {}, [weak = weak_from_this(), core_weak = core_, round = round_](bus_message m) {
        if (auto c = core_weak.lock())
          c->post([weak, round, m = std::move(m)]() mutable {
            if (auto self = weak.lock())
              self->on_message(round, std::move(m));
          });
      });
}

void work_puller::leave() {
  ++round_;
  ready_ = false;
  handler_ = nullptr; // it may hold, by way of its actor, deliveries that hold this object
  if (auto core = core_.lock())
    core->retire(std::move(subscription_));
}

void work_puller::check() {
  if (ready_ && requested_ > 0 && clock::now() > requests_end_ + 1500ms)
    begin_round(); // the requests must be over, but nobody said so: they are lost
}

// -- asking -----------------------------------------------------------------------------------------

int work_puller::allowed() const {
  const int64_t room = settings_.max_in_flight - in_flight_;
  return static_cast<int>(std::max<int64_t>(0, credit_ < 0 ? room : std::min(room, credit_)));
}

void work_puller::pull() {
  auto core = core_.lock();
  const int want = allowed() - requested_;
  // Half empty is early enough: one request then stands for many messages.
  if (!core || !ready_ || want <= 0 || requested_ > allowed() / 2)
    return;
  const auto reply = inbox_ + "." + std::to_string(next_request_++);
  core->link().publish("$JS.API.CONSUMER.MSG.NEXT." + settings_.stream + "." + settings_.name, reply,
                       jetstream::pull_request(want, request_life), {});
  requested_ += want;
  requests_end_ = clock::now() + request_life;
}

void work_puller::set_credit(int messages) {
  credit_ = std::max(0, messages);
  if (requested_ > allowed() && ready_) {
    ready_ = false;
    begin_round(); // requests at the server cannot be made smaller, only forgotten
  } else {
    pull();
  }
}

// -- receiving --------------------------------------------------------------------------------------

void work_puller::on_message(uint64_t round, bus_message message) {
  if (message.headers.count("Status") && message.subject.starts_with(inbox_)) {
    if (round == round_)
      on_status(message);
  } else if (!message.reply.empty()) {
    on_work(round, std::move(message));
  }
}

void work_puller::on_status(const bus_message& message) {
  const int status = header_number(message, "Status", 0);
  if (status == 100)
    return;
  if (status == 404 || status == 408) {
    // The request is over; it says how much of it was left.
    const int left = header_number(message, "Nats-Pending-Messages", -1);
    if (left < 0)
      return begin_round();
    requested_ = std::max(0, requested_ - left);
    return pull();
  }
  const auto text = message.headers.find("Description");
  begin_round_after(200ms, text == message.headers.end() ? "status " + std::to_string(status) : text->second);
}

void work_puller::on_work(uint64_t round, bus_message message) {
  const auto where = jetstream::parse_ack_subject(message.reply);
  if (!where)
    return;
  if (round == round_)
    requested_ = std::max(0, requested_ - 1);
  auto identity = identity_of(message, *where);
  if (done_.count(identity) > 0) {
    answer(message.reply, "+ACK"); // the first acknowledgement, or the server's memory of it, was lost
    return pull();
  }
  const auto number = static_cast<int>(std::min<uint64_t>(where->deliveries, 1'000'000));
  if (const auto held = held_.find(identity); held != held_.end() && number <= held->second) {
    answer(message.reply, "+WPI"); // a killed server forgot that it is in hand here
    return pull();
  }
  if (!open || allowed() == 0)
    return answer(message.reply, "-NAK");
  ++in_flight_;
  if (credit_ > 0)
    --credit_;
  message.sequence = where->stream_sequence;
  message.delivery = number;
  held_[identity] = number;
  auto settle = std::make_shared<nats_delivery>(core_, shared_from_this(), std::move(message.reply), std::move(identity));
  message.reply.clear();
  handler_(std::move(message), std::move(settle));
  pull();
}

void work_puller::settled(const std::string& identity, bool acknowledged) {
  --in_flight_;
  held_.erase(identity);
  if (acknowledged && done_.insert(identity).second) {
    done_order_.push_back(identity);
    if (done_order_.size() > done_kept) {
      done_.erase(done_order_.front());
      done_order_.pop_front();
    }
  }
  pull();
}

void work_puller::answer(const std::string& reply, const std::string& text) {
  if (auto core = core_.lock())
    core->link().publish(reply, {}, text, {});
}

} // namespace sextant
