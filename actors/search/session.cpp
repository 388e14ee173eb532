#include "actors/search/search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <spdlog/spdlog.h>

#include "actors/search/deadline.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {

enum topic { result_topic, caught_up_topic, alive_topic, cancel_topic, get_topic, wants_topic };

constexpr auto tick_interval = std::chrono::seconds{1};

std::string write_key(int attempt) {
  return attempt == 1 ? "write" : "write#" + std::to_string(attempt);
}

} // namespace

// -- life ---------------------------------------------------------------------------------------------

void session_state::start() {
  core = make_search(request);
  auto me = caf::actor_cast<session_actor>(self);
  const auto& names = around.names;
  auto& link = *around.link;
  subscriptions.push_back(link.follow_bucket(names.node_bucket(), into_mailbox(me, alive_topic), {}));
  subscriptions.push_back(link.subscribe(names.request_command(request.id, "cancel"), into_mailbox(me, cancel_topic)));
  subscriptions.push_back(link.subscribe(names.request_command(request.id, "get"), into_mailbox(me, get_topic)));
  subscriptions.push_back(link.subscribe(names.request_command(request.id, "wants"), into_mailbox(me, wants_topic)));
  ask_for_lease();
  self->delayed_send(self, tick_interval, reminder{});
}

void session_state::ask_for_lease() {
  auto me = caf::actor_cast<session_actor>(self);
  auto handler = [me](lease l) { caf::anon_send(me, lease_mail{std::move(l)}); };
  if (std::exchange(asking, true))
    return; // the answer will come: the bus asks until the server decides
  asked = self->clock().now();
  const request_summary now{request.id,    request.name, request.model.name,        turn ? "running" : "waiting",
                            core->stage(), false,        core->totals().points_done};
  auto value = encode_message(around.instance, request.id, now);
  if (held.revision > 0)
    around.link->renew_lease(around.names.lease_bucket(), held, std::move(value), handler);
  else
    around.link->acquire_lease(around.names.lease_bucket(), subjects::token(request.id), std::move(value), handler);
}

bool session_state::owns() const {
  return held.revision > 0 && self->clock().now() - confirmed < lease_time;
}

void session_state::take_lease(const lease& answer) {
  asking = false;
  if (ended)
    return;
  const bool had_it = held.revision > 0;
  held = answer;
  confirmed = asked; // it runs out from when it was written, which was not before it was asked for
  if (held.revision == 0 && had_it) {
    spdlog::warn("lease-lost: {}", request.id);
    return self->quit(lease_lost);
  }
  if (held.revision > 0 && !had_it) {
    auto me = caf::actor_cast<session_actor>(self);
    subscriptions.push_back(around.link->follow(around.names.result_stream(), around.names.result(request.id), 1,
                                                into_mailbox(me, result_topic), [me] {
                                                  caf::anon_send(me, bus_mail{caught_up_topic, {}, nullptr});
                                                }));
  }
}

void session_state::tick() {
  if (ended)
    return;
  ask_for_lease();
  ++silent_ticks;
  for (auto& [instance, beat] : processes)
    ++beat.age;
  if (!replaying && owns()) {
    pump(); // what was not issued while the lease was in doubt
    look_for_lost_engines();
    take_back_what_cannot_start();
    if (deadline_over(request, rfc3339_now()) && issued.insert("deadline").second)
      decide("deadline", budget_spent{"the deadline of " + std::to_string(std::llround(request.deadline_s)) + " s"});
    repeat_releases();
  }
  self->delayed_send(self, tick_interval, reminder{});
}

void session_state::take(const bus_mail& mail) {
  switch (mail.topic) {
    case result_topic:
      take_result(mail.message);
      break;
    case caught_up_topic:
      caught_up();
      break;
    case alive_topic:
      take_heartbeat(mail.message);
      break;
    case cancel_topic: {
      std::vector<codec_error> errors;
      auto e = decode_envelope(mail.message.body, errors);
      auto cancel = e ? message_as<cancel_request>(*e) : std::nullopt;
      decide("cancel", cancel.value_or(cancel_request{}));
      if (!mail.message.reply.empty())
        around.link->publish(mail.message.reply, encode_message("cancel-" + request.id, request.id, request_accepted{}));
      break;
    }
    case get_topic:
      answer_get(mail.message.reply);
      break;
    case wants_topic:
      answer_wants(mail.message);
      break;
  }
}

void session_state::finish() {
  if (ended)
    return;
  ended = true;
  const auto id = "end-" + request.id;
  if (end_reason) {
    around.link->publish_durable(around.names.event(request.id), id,
                                 encode_message(id, request.id, profile_failed{*end_reason}));
    report(end_reason->cause == failure_cause::cancelled ? "cancelled" : "failed");
  } else {
    if (!answered) {
      answered = profile_finished{core->result(), directory};
      decide("finished", *answered);
    }
    auto slim = *answered;
    for (auto& candidate : slim.result.candidates)
      candidate.dgd.clear();
    around.link->publish_durable(around.names.event(request.id), id, encode_message(id, request.id, slim));
    report("finished");
    spdlog::info("request-ended: {} feasible={}", request.id, answered->result.feasible);
  }
  around.link->release_lease(around.names.lease_bucket(), held);
}

// -- results in, work out -------------------------------------------------------------------------------

void session_state::take_result(const bus_message& message) {
  std::vector<codec_error> errors;
  auto e = decode_envelope(message.body, errors);
  auto result = e ? result_from(*e) : std::nullopt;
  if (!result) {
    spdlog::error("result-unreadable: {} sequence {}", request.id, message.sequence);
    return;
  }
  if (replaying && !settings.only_request.empty() && std::holds_alternative<profile_failed>(*result)) {
    ++earlier_failures; // the command was given again: what stood in the way may be gone
    return;
  }
  note_engine(*result);
  if (auto* written = std::get_if<artifacts_written>(&*result))
    directory = written->directory;
  if (auto* cancel = std::get_if<cancel_request>(&*result))
    end_reason = failure{failure_class::permanent,
                         failure_cause::cancelled,
                         "cancelled" + (cancel->reason.empty() ? std::string{} : ": " + cancel->reason),
                         {}};
  if (auto* failed = std::get_if<profile_failed>(&*result))
    end_reason = failed->error;
  if (auto* finished = std::get_if<profile_finished>(&*result); finished && !ended) {
    answered = *finished;
    directory = finished->directory;
    end_reason.reset();
  }
  auto news = core->apply(*result);
  if (replaying)
    return;
  for (auto& line : news)
    tell(std::move(line));
  pump();
}

void session_state::caught_up() {
  replaying = false;
  if (answered || core->wanted().finished)
    pump(); // it came to its end in an earlier life
  else if (turn)
    start_work();
  for (const auto& question : std::exchange(questions, {}))
    answer_wants(question);
}

void session_state::start_work() {
  progress line;
  line.what = "request_started";
  line.text = "working on " + request.model.name + " (" + request.id + ")";
  tell(std::move(line));
  report("running");
  pump();
}

void session_state::pump() {
  // Without its turn a request starts nothing, but one that was taken back or has its answer may end.
  if (ended || !owns())
    return;
  if (answered)
    return finish();
  const auto work = core->wanted();
  if (!turn && !work.finished && !work.write)
    return;
  const auto& names = around.names;
  auto issue = [this](const std::string& key, const std::string& subject, const auto& what) {
    if (!issued.insert(key).second)
      return;
    const auto id = stable_hash(request.id + "/" + key);
    around.link->publish_durable(subject, id, encode_message(id, request.id, what), {},
                                 [key, request = request.id](const std::string& error) {
                                   if (!error.empty())
                                     spdlog::error("work-refused: {} {}: {}", request, key, error);
                                 });
  };
  for (const auto& what : work.deploy)
    issue("deploy/" + engine_key(what.engine, what.attempt), names.deploy_work(settings.pool, what.gpus()), what);
  for (const auto& what : work.measure)
    issue("measure/" + what.plan.point + "#" + std::to_string(what.engine_attempt) + "." + std::to_string(what.attempt),
          names.measure_work(zone_of(what)), what);
  for (const auto& what : work.release)
    if (issued.insert("release/" + engine_key(what.engine, what.attempt)).second)
      around.link->publish(names.release(request.id), encode_message("release", request.id, what));
  if (work.write)
    issue(write_key(work.write_attempt + earlier_failures), names.write_work(), write_artifacts{request, core->result()});
  if (work.finished)
    finish();
}

std::string session_state::zone_of(const measure_point& what) const {
  const auto known = engines.find(what.engine);
  if (known == engines.end() || known->second.attempt != what.engine_attempt)
    return {};
  return known->second.zone.empty() ? known->second.node : known->second.zone;
}

void session_state::decide(const std::string& key, const result_event& result) {
  const auto id = stable_hash(request.id + "/decided/" + key);
  around.link->publish_durable(around.names.result(request.id), id, encode_result(id, request.id, result));
}

// -- people -----------------------------------------------------------------------------------------------

void session_state::tell(progress what) {
  if (!owns())
    return; // the owner tells
  const auto totals = core->totals();
  what.stage = core->stage();
  what.points_done = totals.points_done;
  what.points_planned = totals.points_planned;
  what.gpu_seconds = totals.gpu_seconds;
  what.remaining_s = totals.remaining_s;
  what.engines_running = static_cast<int>(engines.size());
  what.gpus_in_use = 0;
  for (const auto& [engine, known] : engines)
    what.gpus_in_use += known.gpus;
  spdlog::info("{}: {}", what.what, what.text);
  const auto id = around.instance + "-" + request.id + "-" + std::to_string(held.revision) + "-" + std::to_string(++told);
  around.link->publish_durable(around.names.event(request.id), id, encode_message(id, request.id, what));
}

void session_state::answer_wants(const bus_message& question) {
  if (!ended && !owns())
    return;                  // the owner answers; nobody's answer means that the work is offered again
  if (replaying && !ended) { // what is wanted is known once the results are read
    questions.push_back(question);
    return;
  }
  std::vector<codec_error> errors;
  auto e = decode_envelope(question.body, errors);
  if (!e || question.reply.empty())
    return;
  const auto work = core->wanted();
  bool wanted = false;
  if (auto m = message_as<measure_point>(*e))
    wanted = std::any_of(work.measure.begin(), work.measure.end(), [&](const measure_point& x) {
      return x.plan.point == m->plan.point && x.engine_attempt == m->engine_attempt && x.attempt == m->attempt;
    });
  else if (auto d = message_as<deploy_engine>(*e))
    wanted = std::any_of(work.deploy.begin(), work.deploy.end(),
                         [&](const deploy_engine& x) { return x.engine == d->engine && x.attempt == d->attempt; });
  around.link->publish(question.reply, encode_message("wants", request.id, work_wanted{wanted}));
  if (!wanted && !ended)
    note_dropped(*e);
}

void session_state::note_dropped(const envelope& work) {
  if (auto m = message_as<measure_point>(work))
    decide("dropped/" + m->plan.point + "#" + std::to_string(m->engine_attempt) + "." + std::to_string(m->attempt),
           attempt_failed{m->engine,
                          m->engine_attempt,
                          m->plan.point,
                          m->attempt,
                          {failure_class::transient, failure_cause::cancelled, "not wanted", {}}});
  else if (auto d = message_as<deploy_engine>(work); d && d->attempt > core->incarnations_of(d->engine))
    decide("dropped/" + engine_key(d->engine, d->attempt), engine_released{d->engine, d->attempt, 0});
}

void session_state::answer_get(const std::string& reply) {
  if (reply.empty() || (!ended && !owns())) // the owner answers
    return;
  const auto id = "get-" + request.id;
  if (!ended)
    around.link->publish(reply, encode_message(id, request.id, summary("running")));
  else if (end_reason)
    around.link->publish(reply, encode_message(id, request.id, profile_failed{*end_reason}));
  else
    around.link->publish(reply, encode_message(id, request.id, answered.value_or(profile_finished{})));
}

request_summary session_state::summary(const std::string& state) const {
  const auto result = answered ? answered->result : core->result();
  return {request.id, request.name, request.model.name, state, core->stage(), result.feasible, result.points_measured};
}

void session_state::report(const std::string& state) {
  self->send(parent, session_report{summary(state)});
}

session_actor::behavior_type session(session_actor::stateful_pointer<session_state> self, surroundings around,
                                     search_settings settings, profile_request request, search_actor parent) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  state.request = std::move(request);
  state.parent = std::move(parent);
  // A killed SEARCH cannot end its sessions: they see it themselves, or two would work on one request.
  self->monitor(state.parent);
  self->set_down_handler([self](const caf::down_msg& down) { self->quit(down.reason); });
  state.start();
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const lease_mail& mail) { self->state.take_lease(mail.held); },
      [self](const your_turn&) {
        self->state.turn = true;
        if (!self->state.replaying && !self->state.ended)
          self->state.start_work();
      },
      [self](const reminder&) { self->state.tick(); },
  };
}

} // namespace sextant
