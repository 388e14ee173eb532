#include "actors/load/load.hpp"

#include <caf/event_based_actor.hpp>
#include <spdlog/spdlog.h>

namespace sextant {

namespace {

constexpr auto tick_interval = std::chrono::seconds{1};

/// A MEASUREMENT actor: detached, drives one measurement, tells LOAD, ends. Its death is one failed attempt.
void measurement(caf::event_based_actor* self, const load_actor& parent, const std::string& run, const std::string& request,
                 const measure_point& work, const std::shared_ptr<std::atomic<bool>>& cancelled,
                 const load_settings& settings) {
  auto outcome = std::make_shared<drive_outcome>(settings.drive(request, work, *cancelled));
  const auto lasted = std::chrono::nanoseconds{settings.virtual_time ? outcome->records.engine_ns : 0};
  if (lasted.count() > 0)
    self->delayed_send(parent, lasted, measurement_ended{run, std::move(outcome)});
  else
    self->send(parent, measurement_ended{run, std::move(outcome)});
}

} // namespace

void load_state::start() {
  auto me = caf::actor_cast<load_actor>(self);
  consumer_settings work;
  work.stream = around.names.measure_stream();
  work.name = "measure-" + subjects::token(settings.zone);
  work.filter = around.names.measure_work(settings.zone);
  work.max_in_flight = settings.max_measurements;
  subscriptions.push_back(around.link->consume(work, work_into_mailbox(me, 0)));
  self->delayed_send(self, tick_interval, reminder{});
}

load_state::~load_state() {
  for (auto& [run, m] : running)
    *m.cancelled = true;
}

void load_state::take(const bus_mail& mail) {
  std::vector<codec_error> errors;
  auto e = decode_envelope(mail.message.body, errors);
  auto work = e ? message_as<measure_point>(*e) : std::nullopt;
  if (!work) {
    spdlog::error("work-unreadable: {}", mail.message.subject);
    return mail.receipt->ack();
  }
  for (auto& [run, m] : running)
    if (m.request == e->request && m.work.plan.point == work->plan.point && m.work.engine_attempt == work->engine_attempt
        && m.work.attempt == work->attempt) { // delivered again while it is still driven here
      m.receipt = mail.receipt;
      return;
    }
  const auto ticket = ++tickets;
  offered[ticket] = {e->request, std::move(*work), mail.receipt};
  ask_whether_wanted(around, e->request, mail.message.body, caf::actor_cast<load_actor>(self), ticket);
}

void load_state::take_verdict(const work_verdict& verdict) {
  auto found = offered.find(verdict.ticket);
  if (found == offered.end())
    return;
  auto point = std::move(found->second);
  offered.erase(found);
  if (verdict.what == work_verdict::wanted)
    start_measuring(std::move(point));
  else if (verdict.what == work_verdict::obsolete)
    point.receipt->ack();
  else
    point.receipt->retry(unanswered_pause);
}

void load_state::start_measuring(offered_point point) {
  // Never the same twice, also after a restart of this actor: the records of two runs must not be taken for one.
  const auto run = around.instance + "-" + std::to_string(self->id()) + "-" + std::to_string(++runs);
  spdlog::debug("measuring: {} {}", point.request, point.work.plan.point);
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  const auto me = caf::actor_cast<load_actor>(self);
  auto actor = settings.virtual_time
                   ? self->spawn<caf::monitored>(measurement, me, run, point.request, point.work, cancelled, settings)
                   : self->spawn<caf::detached + caf::monitored>(measurement, me, run, point.request, point.work, cancelled,
                                                                 settings);
  running[run] = {std::move(point.request), std::move(point.work), std::move(point.receipt),
                  std::move(actor),         std::move(cancelled),  false};
}

void load_state::take_outcome(const measurement_ended& end) {
  auto found = running.find(end.run);
  if (found == running.end())
    return;
  spdlog::debug("measured: {} {}", found->second.request, found->second.work.plan.point);
  found->second.driven = true;
  if (end.outcome->ok)
    publish_records(end.run, end.outcome->records);
  else
    publish_failure(end.run, end.outcome->error);
}

void load_state::publish_records(const std::string& run, const attempt_records& records) {
  const auto chunks = pack_records(records);
  const auto subject = around.names.records(settings.zone, records.request, run);
  auto me = caf::actor_cast<load_actor>(self);
  for (size_t i = 0; i < chunks.size(); ++i) {
    bus::done_handler done;
    if (i + 1 == chunks.size()) // publications are stored in order: the last one speaks for all
      done = [me, run](const std::string& error) {
        if (!error.empty())
          spdlog::error("records-not-stored: {}: {}", run, error);
        caf::anon_send(me, records_stored{run});
      };
    around.link->publish_durable(subject, run + "." + std::to_string(i), chunks[i],
                                 {{"Content-Type", std::string{records_content_type}}}, std::move(done));
  }
}

void load_state::publish_failure(const std::string& run, const failure& why) {
  const auto& m = running.at(run);
  spdlog::warn("attempt-failed: {} {}: {}", m.request, m.work.plan.point, why.detail);
  const auto id = stable_hash("failed/" + run);
  auto me = caf::actor_cast<load_actor>(self);
  around.link->publish_durable(
      around.names.result(m.request), id,
      encode_result(id, m.request,
                    attempt_failed{m.work.engine, m.work.engine_attempt, m.work.plan.point, m.work.attempt, why}),
      {}, [me, run](const std::string&) { caf::anon_send(me, records_stored{run}); });
}

void load_state::take_stored(const records_stored& stored) {
  auto found = running.find(stored.run);
  if (found == running.end())
    return;
  found->second.receipt->ack();
  running.erase(found);
}

void load_state::measurement_died(const caf::down_msg& down) {
  for (auto& [run, m] : running) {
    if (m.actor.address() != down.source || m.driven || !down.reason)
      continue;
    *m.cancelled = true;
    m.driven = true;
    return publish_failure(
        run, {failure_class::transient, failure_cause::internal, "the actor that drove the measurement ended", {}});
  }
}

void load_state::tick() {
  for (auto& [run, m] : running)
    m.receipt->working();
  self->delayed_send(self, tick_interval, reminder{});
}

load_actor::behavior_type load(load_actor::stateful_pointer<load_state> self, surroundings around, load_settings settings) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.measurement_died(down); });
  state.start();
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const work_verdict& verdict) { self->state.take_verdict(verdict); },
      [self](const measurement_ended& end) { self->state.take_outcome(end); },
      [self](const records_stored& stored) { self->state.take_stored(stored); },
      [self](const reminder&) { self->state.tick(); },
  };
}

} // namespace sextant
