// load_processes.hpp: One load played by several processes of this machine: each has a part of the plan, all begin at one
// moment of one clock, and their records become those of one run.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "actors/load/player.hpp"

namespace sextant {

inline constexpr int most_load_processes = 256;

/// What a part leaves behind beside its records.
struct part_figures {
  load::health_figures health;
  int64_t began_ns = 0, began_unix_ns = 0, profiling_began_ns = 0, profiling_ended_ns = 0;
  uint64_t never_started = 0;
  bool was_cancelled = false;
  std::array<char, 512> error{};
};

/// What the processes of a load see of each other. Made by `make_shared_load` only.
struct shared_load {
  load::play_progress progress; ///< of all together
  std::atomic<bool> cancelled{false}, stop_sending{false};
  std::atomic<int> ready{0};        ///< processes that wait for the measured phase
  std::atomic<int64_t> begin_ns{0}; ///< when it begins, CLOCK_MONOTONIC; 0: not all are ready
  std::array<part_figures, most_load_processes> parts;
};

/// In memory that forked processes share.
std::shared_ptr<shared_load> make_shared_load();

/// Load processes from their start to their end; those that still run are ended with the object.
class load_processes {
public:
  /// Plays part `part`, 0-based, with this function for when its measured phase begins.
  using part_player = std::function<load::play_result(int part, std::function<int64_t(load::traffic_phase)> begin_at)>;

  /// Forks them. To be called while this process has no other thread. `earliest_ns`: CLOCK_MONOTONIC time before which the
  /// measured phase does not begin.
  load_processes(int count, shared_load& shared, int64_t earliest_ns, const part_player& play);
  ~load_processes();
  load_processes(const load_processes&) = delete;
  load_processes& operator=(const load_processes&) = delete;

  /// Waits for all and puts their records together, on the clock that they share. One that dies ends the others, and its
  /// end is the error of the result.
  load::play_result wait();

private:
  struct child {
    pid_t pid = -1; ///< -1: ended
    int file = -1;  ///< its records
  };

  void reap(size_t part, std::string& error);
  load::play_result result_of(size_t part, std::string& error) const;

  shared_load& shared_;
  std::vector<child> children_;
};

} // namespace sextant
