#include "actors/metrics/metrics.hpp"

#include <spdlog/spdlog.h>

#include "actors/metrics/summary.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {

constexpr auto tick_interval = std::chrono::seconds{1};

/// An incomplete run is given up after this many ticks without a new chunk: whoever sent it has died, and its work
/// is measured again under a new run.
constexpr int abandoned_ticks = 120;

} // namespace

metrics_state::~metrics_state() {
  if (zone_lease.revision > 0)
    around.link->release_lease(around.names.node_bucket(), zone_lease);
}

void metrics_state::ask_for_lease() {
  auto handler = [me = caf::actor_cast<metrics_actor>(self)](lease l) { caf::anon_send(me, lease_mail{std::move(l)}); };
  if (zone_lease.revision > 0)
    around.link->renew_lease(around.names.node_bucket(), zone_lease, around.instance, handler);
  else
    around.link->acquire_lease(around.names.node_bucket(), zone_lease.key, around.instance, handler);
}

void metrics_state::take_lease(const lease& answer) {
  zone_lease.revision = answer.revision;
  if (answer.revision == 0) {
    chunks.reset();
    runs.clear();
  } else if (!chunks) {
    consumer_settings wanted;
    wanted.stream = around.names.record_stream();
    wanted.name = "metrics-" + subjects::token(settings.zone);
    wanted.filter = around.names.records_of(settings.zone);
    wanted.max_in_flight = 256;
    chunks = around.link->consume(wanted, work_into_mailbox(caf::actor_cast<metrics_actor>(self), 0));
  }
}

void metrics_state::take(const bus_mail& mail) {
  if (!chunks)
    return; // came after the lease was lost: left for who holds it now
  auto& run = runs[mail.message.subject];
  run.chunks[mail.message.sequence] = mail.message.body;
  run.receipts.push_back(mail.receipt);
  run.age = 0;
  std::vector<std::string> bodies;
  for (const auto& [sequence, body] : run.chunks)
    bodies.push_back(body);
  auto records = unpack_records(bodies);
  if (!records)
    return; // more to come
  const auto& work = records->work;
  result_event result;
  auto outcome = summarise(*records);
  if (auto* measured = std::get_if<point_measured>(&outcome))
    result = std::move(*measured);
  else
    result = attempt_failed{work.engine, work.engine_attempt, work.plan.point, work.attempt, std::get<failure>(outcome)};
  // One id per attempt, whoever drove it: a point that was driven twice after a crash counts once.
  const auto id = stable_hash("measured/" + records->request + "/" + work.plan.point + "#"
                              + std::to_string(work.engine_attempt) + "." + std::to_string(work.attempt));
  auto receipts = std::move(run.receipts);
  runs.erase(mail.message.subject);
  around.link->publish_durable(around.names.result(records->request), id, encode_result(id, records->request, result), {},
                               [receipts](const std::string& error) {
                                 if (error.empty())
                                   for (const auto& receipt : receipts)
                                     receipt->ack();
                                 else
                                   spdlog::error("result-refused: {}", error);
                               });
}

void metrics_state::tick() {
  for (auto i = runs.begin(); i != runs.end();) {
    auto& run = i->second;
    if (++run.age > abandoned_ticks) {
      spdlog::warn("records-abandoned: {} after {} chunks", i->first, run.chunks.size());
      for (const auto& receipt : run.receipts)
        receipt->ack();
      i = runs.erase(i);
      continue;
    }
    for (const auto& receipt : run.receipts)
      receipt->working();
    ++i;
  }
  ask_for_lease();
  self->delayed_send(self, tick_interval, reminder{});
}

metrics_actor::behavior_type metrics(metrics_actor::stateful_pointer<metrics_state> self, surroundings around,
                                     metrics_settings settings) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  state.zone_lease.key = "metrics." + subjects::token(state.settings.zone);
  state.ask_for_lease();
  self->delayed_send(self, tick_interval, reminder{});
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const lease_mail& mail) { self->state.take_lease(mail.held); },
      [self](const reminder&) { self->state.tick(); },
  };
}

} // namespace sextant
