// stream_follower.cpp: An ordered consumer: no acknowledgements, gaps seen by counting, restarts from the last seen message.
#include "adapters/nats/stream_follower.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <spdlog/spdlog.h>

namespace sextant {

using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 5000ms;

uint64_t header_number(const bus_message& m, const char* name) {
  uint64_t out = 0;
  if (const auto i = m.headers.find(name); i != m.headers.end())
    std::from_chars(i->second.data(), i->second.data() + i->second.size(), out);
  return out;
}

} // namespace

stream_follower::stream_follower(std::shared_ptr<nats_core> core, std::string stream, std::string filter,
                                 uint64_t from_sequence, bus::message_handler handler, std::function<void()> caught_up)
    : core_(core), stream_(std::move(stream)), filter_(std::move(filter)),
      next_sequence_(std::max<uint64_t>(1, from_sequence)), handler_(std::move(handler)), caught_up_(std::move(caught_up)) {
  // nop
}

void stream_follower::renew() {
  look_up_stream();
}

void stream_follower::look_up_stream() {
  auto core = core_.lock();
  if (!core || !open)
    return;
  beginning_ = false;
  subscribe();
  heard_ = clock::now();
  core->api("STREAM.INFO." + stream_, "",
            [weak = weak_from_this(), round = round_](std::optional<jetstream::answer> a, const std::string& error) {
              auto self = weak.lock();
              if (!self || round != self->round_)
                return;
              if (!a || a->error != jetstream::no_error)
                return self->begin_after(200ms, a ? a->text : error);
              if (!self->stream_created_.empty() && self->stream_created_ != a->created)
                self->next_sequence_ = 1; // an in-memory stream that its server lost counts from 1 again
              self->stream_created_ = a->created;
              self->create_consumer();
            });
}

void stream_follower::create_consumer() {
  auto core = core_.lock();
  if (!core)
    return;
  core->api("CONSUMER.CREATE." + stream_,
            jetstream::follow_consumer_config(stream_, filter_, next_sequence_, inbox_, heartbeat),
            [weak = weak_from_this(), round = round_](std::optional<jetstream::answer> a, const std::string& error) {
              auto self = weak.lock();
              if (!self || round != self->round_)
                return;
              if (!a || a->error != jetstream::no_error)
                return self->begin_after(200ms, a ? a->text : error);
              self->consumer_ = a->consumer;
              self->failures_ = 0;
              self->initial_ = a->pending;
              self->check_caught_up(false);
            });
}

void stream_follower::begin_after(std::chrono::milliseconds wait, const std::string& why) {
  auto core = core_.lock();
  if (!core || !open || beginning_)
    return;
  if (failures_++ == 0)
    spdlog::info("nats: following {}: {}", stream_, why);
  beginning_ = true;
  wait = std::min<std::chrono::milliseconds>(2000ms, wait * std::min(failures_, 10));
  core->post_after(wait, [weak = weak_from_this(), round = round_] {
    if (auto self = weak.lock(); self && self->beginning_ && round == self->round_)
      self->look_up_stream();
  });
}

void stream_follower::subscribe() {
  auto core = core_.lock();
  subscription_.reset();
  drop_consumer();
  ++round_;
  expected_ = 1;
  received_ = 0;
  initial_.reset();
  inbox_ = nats_link::new_inbox();
  subscription_ =
      core->link().subscribe(inbox_, {}, [weak = weak_from_this(), core_weak = core_, round = round_](bus_message m) {
        if (auto c = core_weak.lock())
          c->post([weak, round, m = std::move(m)]() mutable {
            if (auto self = weak.lock(); self && self->open && round == self->round_)
              self->on_message(std::move(m));
          });
      });
}

/// The server would notice by itself after a while; this keeps it from working for nobody.
void stream_follower::drop_consumer() {
  if (auto core = core_.lock(); core && !consumer_.empty())
    core->link().publish("$JS.API.CONSUMER.DELETE." + stream_ + "." + consumer_, {}, {}, {});
  consumer_.clear();
}

void stream_follower::leave() {
  ++round_;
  subscription_.reset();
  drop_consumer();
}

void stream_follower::check() {
  if (open && !beginning_ && clock::now() - heard_ > heartbeat * 5 / 2)
    look_up_stream();
}

void stream_follower::on_message(bus_message message) {
  heard_ = clock::now();
  if (message.headers.count("Status") && message.body.empty() && message.subject == inbox_)
    return on_status(message);
  const auto where = jetstream::parse_ack_subject(message.reply);
  if (!where)
    return;
  if (where->consumer_sequence != expected_)
    return look_up_stream();
  ++expected_;
  ++received_;
  if (where->stream_sequence >= next_sequence_) {
    next_sequence_ = where->stream_sequence + 1;
    message.sequence = where->stream_sequence;
    message.reply.clear();
    handler_(std::move(message));
  }
  check_caught_up(where->pending == 0);
}

void stream_follower::on_status(const bus_message& message) {
  auto core = core_.lock();
  const auto status = header_number(message, "Status");
  if (!core || status == 0)
    return;
  if (status != 100)
    return begin_after(200ms, "status " + std::to_string(status));
  if (!message.reply.empty()) { // flow control: the server waits for this before it sends more
    core->link().publish(message.reply, {}, {}, {});
    return;
  }
  if (const auto stalled = message.headers.find("Nats-Consumer-Stalled"); stalled != message.headers.end())
    core->link().publish(stalled->second, {}, {}, {});
  else if (header_number(message, "Nats-Last-Consumer") >= expected_)
    look_up_stream(); // messages were sent that never came
  else
    check_caught_up(true); // the server is idle
}

void stream_follower::check_caught_up(bool nothing_waits) {
  if (open && caught_up_ && (nothing_waits || (initial_ && received_ >= *initial_)))
    std::exchange(caught_up_, nullptr)();
}

} // namespace sextant
