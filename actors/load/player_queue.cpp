// player_queue.cpp: Order, slots and times of the requests of one loop.
#include "actors/load/player_queue.hpp"

#include <algorithm>

namespace sextant::load {

phase_plan::phase_plan(const traffic_schedule& s, traffic_phase phase) : schedule(s) {
  std::vector<uint32_t> turns;
  bool sessions = false;
  for (uint32_t i = 0; i < s.requests.size(); ++i) {
    const auto& r = s.requests[i];
    if (r.phase != phase)
      continue;
    ++requests;
    turns.push_back(i);
    sessions = sessions || r.turn > 0;
  }
  std::vector<uint32_t> firsts;
  if (sessions) {
    next_turn.assign(s.requests.size(), none);
    std::stable_sort(turns.begin(), turns.end(), [&](uint32_t a, uint32_t b) {
      const auto &x = s.requests[a], &y = s.requests[b];
      return x.session != y.session ? x.session < y.session : x.turn < y.turn;
    });
    for (size_t i = 0; i < turns.size(); ++i)
      if (i > 0 && s.requests[turns[i]].session == s.requests[turns[i - 1]].session)
        next_turn[turns[i - 1]] = turns[i];
      else
        firsts.push_back(turns[i]);
    std::sort(firsts.begin(), firsts.end());
  } else {
    firsts = std::move(turns);
  }
  for (const auto i : firsts)
    (s.requests[i].intended_ns >= 0 ? timed : closed).push_back(i);
  std::stable_sort(timed.begin(), timed.end(),
                   [&](uint32_t a, uint32_t b) { return s.requests[a].intended_ns < s.requests[b].intended_ns; });
}

dispatch_queue::dispatch_queue(phase_plan& plan, const queue_limits& limits, int loop, int loops)
    : plan_(plan), limits_(limits), step_(static_cast<size_t>(loops)), timed_at_(static_cast<size_t>(loop)) {
}

namespace {

/// A limit that grows linearly from 1 over `ramp_ns`.
int64_t grown_limit(int64_t limit, int64_t ramp_ns, int64_t now_ns) {
  if (ramp_ns <= 0 || now_ns >= ramp_ns || limit <= 1)
    return limit;
  const double grown = static_cast<double>(now_ns) / static_cast<double>(ramp_ns);
  return 1 + static_cast<int64_t>(static_cast<double>(limit - 1) * std::max(0.0, grown));
}

/// When a growing limit first exceeds `taken`.
int64_t time_of_room(int64_t taken, int64_t limit, int64_t ramp_ns) {
  const double share = static_cast<double>(taken) / static_cast<double>(limit - 1);
  return 1 + static_cast<int64_t>(share * static_cast<double>(ramp_ns));
}

} // namespace

int64_t dispatch_queue::allowed(int64_t now_ns) const {
  return limits_.concurrency > 0 ? grown_limit(limits_.concurrency, limits_.ramp_ns, now_ns) : never_ns;
}

bool dispatch_queue::prefill_is_full(int64_t now_ns) const {
  return limits_.prefill_concurrency > 0
         && waiting_ >= grown_limit(limits_.prefill_concurrency, limits_.prefill_ramp_ns, now_ns);
}

due_request dispatch_queue::take(uint32_t position, int64_t intended_ns, bool waited) {
  ++under_way_;
  ++waiting_;
  return {position, intended_ns, waited};
}

std::optional<due_request> dispatch_queue::next(int64_t now_ns) {
  if (over(now_ns) || prefill_is_full(now_ns))
    return std::nullopt;
  if (!later_.empty() && later_.top().due_ns <= now_ns) {
    const auto turn = later_.top();
    later_.pop();
    return take(turn.position, turn.due_ns, false);
  }
  if (sessions_ >= allowed(now_ns))
    return std::nullopt;
  if (has_timed()) {
    const auto position = plan_.timed[timed_at_];
    if (const int64_t at = plan_.schedule.requests[position].intended_ns; at <= now_ns) {
      timed_at_ += step_;
      ++sessions_;
      return take(position, at, limits_.concurrency > 0 && slot_free_ns_ > at);
    }
  }
  if (!has_closed())
    return std::nullopt;
  const auto place = plan_.closed_taken.fetch_add(1, std::memory_order_relaxed);
  if (place >= plan_.closed.size())
    return std::nullopt;
  ++sessions_;
  return take(plan_.closed[place], now_ns, false);
}

int64_t dispatch_queue::next_time(int64_t now_ns) const {
  int64_t out = never_ns;
  if (over(now_ns))
    return out;
  if (prefill_is_full(now_ns)) // a ramp may let one more in, otherwise an output must begin
    return waiting_ < limits_.prefill_concurrency
               ? time_of_room(waiting_, limits_.prefill_concurrency, limits_.prefill_ramp_ns)
               : out;
  if (!later_.empty())
    out = later_.top().due_ns;
  if (sessions_ < allowed(now_ns)) {
    if (has_closed())
      return now_ns;
    if (has_timed())
      out = std::min(out, plan_.schedule.requests[plan_.timed[timed_at_]].intended_ns);
  } else if (sessions_ < limits_.concurrency && (has_closed() || has_timed())) {
    // The ramp lets one more in when it has grown that far.
    out = std::min(out, time_of_room(sessions_, limits_.concurrency, limits_.ramp_ns));
  }
  return out;
}

void dispatch_queue::ended(uint32_t position, int64_t now_ns) {
  --under_way_;
  const auto turn = plan_.turn_after(position);
  if (turn == phase_plan::none) {
    --sessions_;
    if (sessions_ + 1 >= allowed(now_ns))
      slot_free_ns_ = now_ns;
    return;
  }
  const auto& r = plan_.schedule.requests[turn];
  later_.push({std::max(now_ns + r.delay_ns, r.intended_ns), turn});
}

bool dispatch_queue::exhausted(int64_t now_ns) const {
  return over(now_ns) || (later_.empty() && under_way_ == 0 && !has_timed() && !has_closed());
}

} // namespace sextant::load
