// pair_trial.hpp: The life of a recommended pair that is deployed and measured together. Takes results in, says what is
// wanted. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors/search/core.hpp"
#include "actors/search/state.hpp"

namespace sextant::searching {

/// One pair after the other, each with up to three attempts.
class pair_trial {
public:
  /// Whether an engine of that id is a pair.
  static bool is_pair(const std::string& engine) { return engine.rfind("pair-", 0) == 0; }

  /// Deploys a pair and measures it by the plan. Only while nothing is held.
  void begin(pair_confirmation forecast, point_plan plan, deploy_engine work);
  /// Ends what runs, without a verdict.
  void stop();

  // -- results; each returns whether it was news ------------------------------------------------------
  bool take(const engine_ready& x);
  bool take(const engine_released& x);
  bool take(const point_measured& x, const service_level& sla);
  bool take(const attempt_failed& x);
  bool engine_ended(const std::string& engine, int attempt, const failure& error);

  bool held() const { return life_ != engine_life::idle; }
  bool holds(const std::string& engine, int attempt) const {
    return held() && work_.engine == engine && work_.attempt == attempt;
  }
  /// The last incarnation of a pair that is known of.
  int incarnations_of(const std::string& engine) const;
  bool busy() const { return begun_ && !decided_; }
  /// Whether there is a verdict that nobody took note of.
  bool has_news() const { return begun_ && decided_ && tried_.size() > noted_; }
  void take_note() { noted_ = tried_.size(); }
  int gpus_held() const { return held() ? work_.gpus() : 0; }
  double gpu_seconds() const { return gpu_seconds_; }
  bool simulated() const { return simulated_; }
  int failures() const { return all_failures_; }
  /// Adds what is to be done now.
  void add_to(wanted_work& work) const;
  /// Every pair with a verdict, in order.
  const std::vector<pair_confirmation>& tried() const { return tried_; }

private:
  void missed(const failure& error);
  /// Remembers an incarnation that was not asked for.
  void note(const std::string& engine, int attempt);
  void decide(pair_confirmation pair);

  bool begun_ = false, decided_ = false, simulated_ = false;
  engine_life life_ = engine_life::idle;
  pair_confirmation forecast_;
  deploy_engine work_; ///< `attempt` is that of the current or next deployment
  measure_point point_;
  std::map<std::string, int> used_; ///< incarnations of pairs that were not asked for
  int failures_ = 0;                ///< of this pair
  int all_failures_ = 0;
  size_t noted_ = 0;
  double gpu_seconds_ = 0;
  std::vector<pair_confirmation> tried_;
};

} // namespace sextant::searching
