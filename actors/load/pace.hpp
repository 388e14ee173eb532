// pace.hpp: How fast this machine can play simulated engines, learned from all measurements of a process.
#pragma once

#include <mutex>

#include "actors/load/plan.hpp"

namespace sextant::load {

/// The share of the machine that one measurement gets, of so many cores and passes under way, after what was learned.
machine_share share_of(unsigned cores, int passes, double pace);

/// The pace after a wave that was in time or was not: down quickly, up slowly, so that measurements which start on a loaded
/// machine need not find out for themselves.
double next_pace(double pace, bool in_time);

/// Shared by the measurements of a process; any thread.
class playing_pace {
public:
  explicit playing_pace(unsigned cores) : cores_(cores) {}

  machine_share share() const;
  void note_wave(bool in_time);

  /// A pass under way, counted as long as it lives.
  class turn {
  public:
    explicit turn(playing_pace& pace) : pace_(pace) { pace_.count(1); }
    ~turn() { pace_.count(-1); }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

  private:
    playing_pace& pace_;
  };

private:
  void count(int difference);

  const unsigned cores_;
  mutable std::mutex guard_;
  int passes_ = 0;
  double pace_ = 1;
};

/// The one of this process.
playing_pace& process_pace();

} // namespace sextant::load
