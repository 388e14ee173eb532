// pace.cpp: Cores shared among passes; additive patience is too slow here, so both ways are factors.
#include "actors/load/pace.hpp"

#include <algorithm>
#include <thread>

namespace sextant::load {

namespace {

constexpr double events_per_s_and_core = 20'000; ///< token events, server and client together
constexpr double slower = 0.7;
constexpr double faster = 1.1;
constexpr double slowest_pace = 1.0 / 8;

} // namespace

machine_share share_of(unsigned cores, int passes, double pace) {
  const double all = events_per_s_and_core * std::max(1u, cores);
  // A pass has one client and one engine thread: more than two cores are of no use to it.
  const double most = 2 * events_per_s_and_core;
  return {std::min(most, all / std::max(1, passes)), pace};
}

double next_pace(double pace, bool in_time) {
  return in_time ? std::min(1.0, pace * faster) : std::max(slowest_pace, pace * slower);
}

machine_share playing_pace::share() const {
  const std::lock_guard lock(guard_);
  return share_of(cores_, passes_, pace_);
}

void playing_pace::note_wave(bool in_time) {
  const std::lock_guard lock(guard_);
  pace_ = next_pace(pace_, in_time);
}

void playing_pace::count(int difference) {
  const std::lock_guard lock(guard_);
  passes_ += difference;
}

playing_pace& process_pace() {
  static playing_pace pace(std::thread::hardware_concurrency());
  return pace;
}

} // namespace sextant::load
