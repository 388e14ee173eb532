// session_engines.cpp: What a SESSION hears of engines and the processes that run them, and what it concludes.
#include <algorithm>
#include <utility>

#include "actors/search/search.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {

/// Ticks are one second apart. A process that was not heard for this many ticks is lost with its engines.
constexpr int process_lost_ticks = 6;

/// The same when another process of its node is heard: most likely it was restarted.
constexpr int process_replaced_ticks = 2;

/// Heartbeats of a process in a row without an engine after which it is lost.
constexpr int least_unlisted_beats = 2;

/// Ticks that a request waits for GPUs with engines of its own idle before it takes the waiting one back.
constexpr int most_stuck_ticks = 3;

} // namespace

std::string session_state::engine_key(const std::string& engine, int attempt) {
  return engine + "#" + std::to_string(attempt);
}

void session_state::note_engine(const result_event& result) {
  if (auto* ready = std::get_if<engine_ready>(&result)) {
    auto& known = engines[ready->engine];
    if (known.instance.empty() || known.attempt < ready->attempt) // the first of two nodes that started it counts
      known = {ready->attempt, ready->node, ready->instance, ready->zone, core->gpus_of(ready->engine), false};
    return;
  }
  auto forget = [this](const std::string& engine, int attempt) {
    auto found = engines.find(engine);
    if (found != engines.end() && found->second.attempt == attempt)
      engines.erase(found);
  };
  if (auto* failed = std::get_if<engine_failed>(&result))
    forget(failed->engine, failed->attempt);
  if (auto* lost = std::get_if<engine_lost>(&result))
    forget(lost->engine, lost->attempt);
  if (auto* released = std::get_if<engine_released>(&result))
    forget(released->engine, released->attempt);
}

void session_state::take_heartbeat(const bus_message& message) {
  std::vector<codec_error> errors;
  auto e = decode_envelope(message.body, errors);
  auto beat = e ? message_as<node_alive>(*e) : std::nullopt;
  if (!beat)
    return;
  auto& process = processes[beat->instance];
  process = {beat->node, 0};
  for (const auto& x : beat->engines) {
    if (x.request != request.id)
      continue;
    process.engines.insert(engine_key(x.engine, x.attempt));
    if (x.gpus > 0 && !x.ready)
      process.starting.insert(engine_key(x.engine, x.attempt));
  }
  if (replaying || !owns())
    return;
  release_strays(*beat);
  for (auto& entry : engines) { // clang 14 cannot capture structured bindings
    const auto& engine = entry.first;
    auto& known = entry.second;
    if (known.instance != beat->instance)
      continue;
    const bool listed = std::any_of(beat->engines.begin(), beat->engines.end(), [&](const running_engine& x) {
      return x.request == request.id && x.engine == engine && x.attempt == known.attempt;
    });
    // One heartbeat may have been on its way since before the engine was started.
    known.unlisted = listed ? 0 : known.unlisted + 1;
    if (known.unlisted >= least_unlisted_beats)
      lose(engine, known, "its node no longer runs it");
  }
}

void session_state::lose(const std::string& engine, live_engine& known, const std::string& why) {
  if (std::exchange(known.lost, true))
    return;
  decide("lost/" + engine_key(engine, known.attempt),
         engine_lost{engine, known.attempt, {failure_class::transient, failure_cause::node_lost, why, {}}});
}

void session_state::release_strays(const node_alive& beat) {
  const auto work = core->wanted();
  for (const auto& x : beat.engines) {
    if (x.request != request.id)
      continue;
    auto known = engines.find(x.engine);
    const bool current = known != engines.end() && known->second.attempt == x.attempt
                         && known->second.instance == beat.instance && core->holds(x.engine, x.attempt);
    const bool awaited = std::any_of(work.deploy.begin(), work.deploy.end(),
                                     [&](const deploy_engine& d) { return d.engine == x.engine && d.attempt == x.attempt; });
    if (!current && !awaited)
      around.link->publish(around.names.release(request.id),
                           encode_message("release", request.id, release_engine{x.engine, x.attempt, beat.instance}));
  }
}

void session_state::look_for_lost_engines() {
  for (auto& entry : engines) {
    const auto& engine = entry.first;
    auto& known = entry.second;
    auto beat = processes.find(known.instance);
    const int silence = beat == processes.end() ? silent_ticks : beat->second.age;
    const bool replaced = std::any_of(processes.begin(), processes.end(), [&](const auto& other) {
      return other.first != known.instance && other.second.node == known.node && other.second.age <= 1;
    });
    if (silence >= process_replaced_ticks && replaced)
      lose(engine, known, "the process that ran it was restarted");
    else if (silence >= process_lost_ticks)
      lose(engine, known, "node " + known.node + " was not heard for " + std::to_string(silence) + " s");
  }
}

void session_state::repeat_releases() {
  std::map<std::string, int> still_unheard;
  for (const auto& what : core->wanted().release) {
    const auto key = engine_key(what.engine, what.attempt);
    around.link->publish(around.names.release(request.id), encode_message("release", request.id, what));
    const bool listed = std::any_of(processes.begin(), processes.end(), [&](const auto& process) {
      return process.second.age < process_lost_ticks && process.second.engines.count(key);
    });
    if (listed)
      continue;
    const int ticks = unheard_ends[key] + 1;
    still_unheard[key] = ticks;
    if (ticks == process_lost_ticks)
      decide("nowhere/" + key, engine_released{what.engine, what.attempt, 0});
  }
  unheard_ends = std::move(still_unheard);
}

void session_state::take_back_what_cannot_start() {
  const auto work = core->wanted();
  const bool starting =
      std::any_of(processes.begin(), processes.end(), [](const auto& process) { return !process.second.starting.empty(); });
  if (work.deploy.empty() || !work.measure.empty() || !work.release.empty() || starting || engines.empty()) {
    stuck_ticks = 0;
    return;
  }
  if (++stuck_ticks < most_stuck_ticks)
    return;
  stuck_ticks = 0;
  const auto& what = work.deploy.front();
  around.link->publish(around.names.release(request.id),
                       encode_message("release", request.id, release_engine{what.engine, what.attempt, {}}));
}

} // namespace sextant
