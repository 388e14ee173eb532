// player_queue.hpp: Which request of a schedule goes next and when, for one load loop. Pure: times come in, none is read.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <queue>
#include <vector>

#include "actors/load/traffic/schedule.hpp"

namespace sextant::load {

/// What all loops know of one phase. Positions are places in `schedule.requests`.
struct phase_plan {
  phase_plan(const traffic_schedule& schedule, traffic_phase phase);

  static constexpr uint32_t none = std::numeric_limits<uint32_t>::max();

  const traffic_schedule& schedule;
  std::vector<uint32_t> timed;         ///< first turns with a time, in order of it
  std::vector<uint32_t> closed;        ///< first turns without
  std::vector<uint32_t> next_turn;     ///< of each position of the schedule; empty if no session has two turns
  std::atomic<size_t> closed_taken{0}; ///< loops take from `closed` as they have slots: none waits for another
  size_t requests = 0;                 ///< of the phase, later turns included

  uint32_t turn_after(uint32_t position) const { return next_turn.empty() ? none : next_turn[position]; }
};

/// What one loop may have under way.
struct queue_limits {
  int concurrency = 0; ///< sessions under way at most; 0 = no limit. A session holds its slot until its last turn ends
  int prefill_concurrency = 0; ///< requests without output yet at most; 0 = no limit
  int64_t ramp_ns = 0;         ///< the limit of sessions grows linearly from 1
  int64_t prefill_ramp_ns = 0; ///< the limit of requests without output grows linearly from 1
  int64_t ends_ns = 0;         ///< nothing is sent from then on; 0 = no end
};

/// A request whose time has come.
struct due_request {
  uint32_t position = 0;
  int64_t intended_ns = 0; ///< of the plan, or when the slot became free where the plan has no time
  bool waited = false;     ///< its time was there before a slot was
};

/// The queue of one loop. Times are ns since the start of the phase.
class dispatch_queue {
public:
  static constexpr int64_t never_ns = std::numeric_limits<int64_t>::max();

  /// Takes every `loops`-th timed request, beginning with number `loop`.
  dispatch_queue(phase_plan& plan, const queue_limits& limits, int loop, int loops);

  /// The next request that may be sent now. It counts as under way from here on.
  std::optional<due_request> next(int64_t now_ns);
  /// When `next` may have something although nothing ends meanwhile.
  int64_t next_time(int64_t now_ns) const;
  /// A request under way got its first output, or ended without any.
  void output_began() { --waiting_; }
  /// A request under way ended.
  void ended(uint32_t position, int64_t now_ns);
  /// Nothing more is to be sent.
  void stop() { stopped_ = true; }
  /// Nothing is left to send, now or after an end.
  bool exhausted(int64_t now_ns) const;

private:
  struct later_turn {
    int64_t due_ns;
    uint32_t position;
    bool operator<(const later_turn& o) const { return due_ns != o.due_ns ? due_ns > o.due_ns : position > o.position; }
  };

  int64_t allowed(int64_t now_ns) const;
  bool prefill_is_full(int64_t now_ns) const;
  bool over(int64_t now_ns) const { return stopped_ || (limits_.ends_ns > 0 && now_ns >= limits_.ends_ns); }
  bool has_timed() const { return timed_at_ < plan_.timed.size(); }
  bool has_closed() const { return plan_.closed_taken.load(std::memory_order_relaxed) < plan_.closed.size(); }
  due_request take(uint32_t position, int64_t intended_ns, bool waited);

  phase_plan& plan_;
  const queue_limits limits_;
  const size_t step_;
  size_t timed_at_;
  std::priority_queue<later_turn> later_;
  int64_t sessions_ = 0;  ///< with a slot
  int64_t under_way_ = 0; ///< requests
  int64_t waiting_ = 0;   ///< without output
  int64_t slot_free_ns_ = 0;
  bool stopped_ = false;
};

} // namespace sextant::load
