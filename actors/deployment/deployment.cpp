#include "actors/deployment/deployment.hpp"

#include <chrono>

#include <spdlog/spdlog.h>

#include "actors/deployment/engine.hpp"

namespace sextant {

namespace {

enum topic { deploy_topic, release_topic, node_topic, drain_topic, resume_topic };

/// A node that was not heard for this many ticks is not counted on.
constexpr int neighbour_lost_ticks = 4;

/// Work that another node has room for is offered again after this pause.
constexpr auto elsewhere_pause = std::chrono::milliseconds{200};

constexpr auto tick_interval = std::chrono::seconds{1};

std::string key_of(const std::string& request, const std::string& engine, int attempt) {
  return request + "/" + engine + "#" + std::to_string(attempt);
}

} // namespace

void deployment_state::start() {
  auto me = caf::actor_cast<deployment_actor>(self);
  const auto& names = around.names;
  subscriptions.push_back(around.link->subscribe(names.all_releases(), into_mailbox(me, release_topic)));
  subscriptions.push_back(around.link->subscribe(names.node_command(around.node, "drain"), into_mailbox(me, drain_topic)));
  subscriptions.push_back(around.link->subscribe(names.node_command(around.node, "resume"), into_mailbox(me, resume_topic)));
  subscriptions.push_back(around.link->follow_bucket(names.node_bucket(), into_mailbox(me, node_topic), {}));
  node_lease.key = subjects::token(around.node);
  say_alive();
  self->delayed_send(self, tick_interval, reminder{});
}

void deployment_state::take_work() {
  consumer_settings consumer;
  consumer.stream = around.names.deploy_stream();
  consumer.name = "deploy-" + subjects::token(settings.pool);
  consumer.filter = around.names.all_deploy_work(settings.pool);
  work = around.link->consume(consumer, work_into_mailbox(caf::actor_cast<deployment_actor>(self), deploy_topic));
}

/// Another process is this node now: its GPUs are not ours to use.
void deployment_state::leave_node() {
  spdlog::error("node-lost: another process is node {}", around.node);
  work.reset();
  offered.clear();
  waiting.clear();
  for (auto& [key, engine] : running)
    if (engine.actor && !engine.releasing) {
      engine.releasing = true;
      self->send(engine.actor, end_engine{});
    }
}

void deployment_state::take_lease(const lease& answer) {
  asking = false;
  const bool had_it = node_lease.revision > 0;
  node_lease.revision = answer.revision;
  if (answer.revision > 0) {
    if (!work && !draining)
      take_work();
    if (std::exchange(stale, false))
      say_alive();
  } else if (had_it) {
    say_alive(); // it ran out while nobody could be reached: still ours if nobody else took it
  } else if (work || !running.empty()) {
    leave_node();
  }
}

void deployment_state::drain(bool on, const std::string& reply) {
  if (node_lease.revision == 0)
    return; // another process answers
  draining = on;
  if (!on && !work)
    take_work();
  if (on) {
    work.reset();
    for (const auto& engine : waiting)
      engine.receipt->retry(elsewhere_pause);
    waiting.clear();
  }
  spdlog::info("node-{}: {}", on ? "draining" : "resumed", around.node);
  say_alive();
  if (!reply.empty())
    around.link->publish(reply, encode_message("node", "", offer()));
}

void deployment_state::take_neighbour(const envelope& e) {
  const auto other = message_as<node_alive>(e);
  if (!other || other->pool != settings.pool || other->node == around.node)
    return;
  const auto type = other->host == "simulated" ? std::string{} : other->gpu; // anything can be simulated
  neighbours[other->node] = {{other->node, type, other->gpus, other->gpus_free, other->draining}, 0};
}

placement deployment_state::place_of(const held_engine& engine) const {
  const auto type = settings.host->kind() == "simulated" ? std::string{} : settings.gpu;
  std::vector<node_offer> nodes{{around.node, type, settings.gpus, free_gpus(), draining}};
  for (const auto& [node, seen] : neighbours)
    nodes.push_back(seen.offer);
  return place(engine.what.gpus(), engine.what.gpu.name, around.node, nodes);
}

void deployment_state::hand_back_what_others_can_start() {
  std::erase_if(waiting, [&](const held_engine& engine) {
    if (place_of(engine) != placement::elsewhere)
      return false;
    engine.receipt->retry(elsewhere_pause);
    return true;
  });
}

deployment_state::~deployment_state() {
  if (node_lease.revision > 0)
    around.link->release_lease(around.names.node_bucket(), node_lease);
  // Engines whose actors were killed with this one still hold the host: end them here, whatever ended us.
  if (settings.host)
    for (auto& [key, engine] : running)
      settings.host->remove(key, [] {});
}

void deployment_state::take(const bus_mail& mail) {
  if (mail.topic == drain_topic || mail.topic == resume_topic)
    return drain(mail.topic == drain_topic, mail.message.reply); // the question may have any body
  std::vector<codec_error> errors;
  auto e = decode_envelope(mail.message.body, errors);
  if (!e) {
    spdlog::error("message-unreadable: {}", mail.message.subject);
    if (mail.receipt)
      mail.receipt->ack();
    return;
  }
  if (mail.topic == deploy_topic)
    enqueue(*e, mail.receipt);
  else if (mail.topic == node_topic)
    take_neighbour(*e);
  else
    release(*e);
}

void deployment_state::enqueue(const envelope& e, const delivery_ptr& receipt) {
  auto what = message_as<deploy_engine>(e);
  if (!what) {
    spdlog::error("work-unreadable: {}", e.id);
    return receipt->ack();
  }
  const auto key = key_of(e.request, what->engine, what->attempt);
  if (auto* known = find(key)) { // delivered again while it waits or starts
    if (known->ready)
      receipt->ack();
    else
      known->receipt = receipt;
    return;
  }
  held_engine engine;
  engine.key = key;
  engine.request = e.request;
  engine.what = std::move(*what);
  engine.receipt = receipt;
  const auto ticket = ++tickets;
  offered.emplace(ticket, std::move(engine));
  ask_whether_wanted(around, e.request, encode_envelope(e), caf::actor_cast<deployment_actor>(self), ticket);
}

void deployment_state::take_verdict(const work_verdict& verdict) {
  auto found = offered.find(verdict.ticket);
  if (found == offered.end())
    return;
  auto engine = std::move(found->second);
  offered.erase(found);
  if (verdict.what == work_verdict::obsolete)
    return engine.receipt->ack();
  if (verdict.what == work_verdict::no_answer)
    return engine.receipt->retry(unanswered_pause);
  const auto where = place_of(engine);
  if (draining || where == placement::elsewhere)
    return engine.receipt->retry(elsewhere_pause);
  if (where == placement::nowhere)
    return publish(engine, "failed",
                   engine_failed{engine.what.engine,
                                 engine.what.attempt,
                                 {failure_class::permanent,
                                  failure_cause::unsupported,
                                  "needs " + std::to_string(engine.what.gpus()) + " GPUs of one node, pool " + settings.pool
                                      + " has no such node",
                                  {}}},
                   true);
  if (find(engine.key)) // a second delivery was quicker
    return;
  waiting.push_back(std::move(engine));
  start_what_fits();
  say_alive();
}

int deployment_state::free_gpus() const {
  int used = 0;
  for (const auto& [key, engine] : running)
    used += engine.what.gpus();
  return settings.gpus - used;
}

deployment_state::held_engine* deployment_state::find(const std::string& key) {
  if (auto found = running.find(key); found != running.end())
    return &found->second;
  for (auto& engine : waiting)
    if (engine.key == key)
      return &engine;
  return nullptr;
}

void deployment_state::start_what_fits() {
  for (;;) {
    std::vector<waiting_engine> sizes;
    for (const auto& engine : waiting)
      sizes.push_back({engine.what.gpus(), engine.passed_over});
    const auto next = next_to_start(sizes, free_gpus());
    if (!next)
      return;
    for (size_t i = 0; i < *next; ++i)
      ++waiting[i].passed_over;
    auto chosen = std::move(waiting[*next]);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(*next));
    chosen.since = self->clock().now();
    chosen.actor = self->spawn<caf::monitored>(engine_runner, caf::actor_cast<deployment_actor>(self), settings.host,
                                               chosen.key, chosen.what);
    spdlog::info("engine-starting: {} on {} GPUs", chosen.key, chosen.what.gpus());
    running.emplace(chosen.key, std::move(chosen));
  }
}

void deployment_state::take_news(const engine_news& news) {
  auto found = running.find(news.key);
  if (found == running.end())
    return;
  auto& engine = found->second;
  const auto& what = engine.what;
  if (news.kind == engine_news::ready) {
    engine.ready = true;
    publish(engine, "ready",
            engine_ready{what.engine, what.attempt, news.engine.endpoint, news.engine.served_model, around.node,
                         around.instance, settings.zone, news.engine.kv_tokens, news.engine.kv_source, news.engine.startup_s,
                         news.engine.simulated, news.engine.log},
            true);
  } else if (news.kind == engine_news::failed) {
    if (engine.releasing)
      return; // it is being ended anyway
    if (engine.ready)
      publish(engine, "lost", engine_lost{what.engine, what.attempt, news.error}, false);
    else
      publish(engine, "failed", engine_failed{what.engine, what.attempt, news.error}, true);
    spdlog::warn("engine-failed: {}: {}", engine.key, news.error.detail);
    self->send(engine.actor, end_engine{});
    engine.failed = engine.releasing = true;
  } else { // gone: its GPUs are free
    if (!engine.failed) {
      const auto held = self->clock().now() - engine.since;
      publish(engine, "released", engine_released{what.engine, what.attempt, std::chrono::duration<double>(held).count()},
              !engine.ready);
    }
    forget(news.key);
  }
}

void deployment_state::engine_ended(const caf::down_msg& down) {
  for (auto& [key, engine] : running) {
    if (!engine.actor || engine.actor.address() != down.source)
      continue;
    settings.host->remove(key, [] {});
    const failure why{failure_class::transient, failure_cause::internal, "the actor that ran the engine ended", {}};
    if (engine.ready && !engine.releasing)
      publish(engine, "lost", engine_lost{engine.what.engine, engine.what.attempt, why}, false);
    else if (!engine.ready)
      publish(engine, "failed", engine_failed{engine.what.engine, engine.what.attempt, why}, true);
    return forget(std::string{key});
  }
}

void deployment_state::forget(const std::string& key) {
  running.erase(key);
  start_what_fits();
  say_alive();
}

void deployment_state::release(const envelope& e) {
  auto which = message_as<release_engine>(e);
  if (!which || (!which->instance.empty() && which->instance != around.instance))
    return;
  const auto key = key_of(e.request, which->engine, which->attempt);
  if (auto found = running.find(key); found != running.end()) {
    if (!found->second.releasing) {
      found->second.releasing = true;
      self->send(found->second.actor, end_engine{});
    }
    return;
  }
  for (auto i = waiting.begin(); i != waiting.end(); ++i) {
    if (i->key != key)
      continue;
    publish(*i, "released", engine_released{which->engine, which->attempt, 0}, true);
    waiting.erase(i);
    return;
  }
}

void deployment_state::publish(const held_engine& engine, const std::string& what, const result_event& result, bool settle) {
  const auto id = stable_hash(engine.key + "/" + what + "/" + around.instance);
  auto receipt = settle ? engine.receipt : nullptr;
  around.link->publish_durable(around.names.result(engine.request), id, encode_result(id, engine.request, result), {},
                               [receipt](const std::string& error) {
                                 if (receipt && error.empty())
                                   receipt->ack();
                               });
}

void deployment_state::say_alive() {
  if (asking) {
    stale = true;
    return;
  }
  asking = true;
  stale = false;
  auto value = encode_message(around.instance, "", offer());
  auto handler = [me = caf::actor_cast<deployment_actor>(self)](lease l) { caf::anon_send(me, lease_mail{std::move(l)}); };
  if (node_lease.revision > 0)
    around.link->renew_lease(around.names.node_bucket(), node_lease, std::move(value), handler);
  else
    around.link->acquire_lease(around.names.node_bucket(), node_lease.key, std::move(value), handler);
}

node_alive deployment_state::offer() const {
  node_alive now;
  now.node = around.node;
  now.instance = around.instance;
  now.version = settings.version;
  now.pool = settings.pool;
  now.zone = settings.zone;
  now.host = settings.host->kind();
  now.gpu = settings.gpu;
  now.gpus = settings.gpus;
  now.gpus_free = free_gpus();
  now.draining = draining;
  for (const auto& [key, engine] : running)
    now.engines.push_back({engine.request, engine.what.engine, engine.what.attempt, engine.what.gpus(), engine.ready});
  for (const auto& engine : waiting)
    now.engines.push_back({engine.request, engine.what.engine, engine.what.attempt, 0, false});
  return now;
}

void deployment_state::tick() {
  for (auto& [node, seen] : neighbours)
    ++seen.age;
  std::erase_if(neighbours, [](const auto& entry) { return entry.second.age > neighbour_lost_ticks; });
  hand_back_what_others_can_start();
  for (auto& engine : waiting)
    engine.receipt->working();
  for (auto& [key, engine] : running)
    if (!engine.ready && engine.receipt)
      engine.receipt->working();
  say_alive();
  self->delayed_send(self, tick_interval, reminder{});
}

deployment_actor::behavior_type deployment(deployment_actor::stateful_pointer<deployment_state> self, surroundings around,
                                           deployment_settings settings) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.engine_ended(down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    for (auto& [key, engine] : self->state.running)
      if (engine.actor)
        self->send_exit(engine.actor, exit.reason);
    self->quit(exit.reason);
  });
  state.start();
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const work_verdict& verdict) { self->state.take_verdict(verdict); },
      [self](const lease_mail& mail) { self->state.take_lease(mail.held); },
      [self](const engine_news& news) { self->state.take_news(news); },
      [self](const reminder&) { self->state.tick(); },
  };
}

} // namespace sextant
