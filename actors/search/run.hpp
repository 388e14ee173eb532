// run.hpp: The search itself: takes results in, keeps the lives of engines and points, decides what is wanted next.
#pragma once

#include <array>

#include "actors/search/core.hpp"
#include "actors/search/pair_trial.hpp"
#include "actors/search/policy.hpp"
#include "actors/search/state.hpp"

namespace sextant::searching {

/// Where one phase of the search stands.
struct phase_track {
  bool swept = false;    ///< nothing can change the pick any more
  bool done = false;     ///< curve measured, or impossible
  std::string announced; ///< pick that people were told of
};

/// One search under either policy.
class search_run final : public search_core {
public:
  explicit search_run(const profile_request& request);

  std::vector<progress> apply(const result_event& result) override;
  wanted_work wanted() const override;
  profile_result result() const override;
  search_totals totals() const override;
  int gpus_of(const std::string& engine) const override;
  bool holds(const std::string& engine, int attempt) const override;
  int incarnations_of(const std::string& engine) const override;
  std::string stage() const override;

private:
  // -- results in; each returns whether the result was news -----------------------------------------
  bool take(const engine_ready& x);
  bool take(const engine_failed& x) { return engine_ended(x.engine, x.attempt, x.error); }
  bool take(const engine_lost& x) { return engine_ended(x.engine, x.attempt, x.error); }
  bool take(const engine_released& x);
  bool take(const point_measured& x);
  bool take(const attempt_failed& x);
  bool take(const artifacts_written& x);
  bool take(const budget_spent& x);
  bool take(const cancel_request& x);
  bool take(const profile_failed& x);
  static bool take(const profile_finished&) { return false; } // the session's: it ends with what was answered
  bool engine_ended(const std::string& engine, int attempt, const failure& error);
  void adopt(candidate_track& candidate, int attempt);
  bool keep_unasked(candidate_track& candidate, const point_measured& x);
  void point_missed(candidate_track& candidate, point_track& point, const failure& error);
  void give_up(candidate_track& candidate, const std::string& reason);
  void settle_failures(candidate_track& candidate);

  // -- the recommended pair (confirming.cpp) ----------------------------------------------------------
  void confirm();
  void conclude_trial();
  bool reject_pick(const pair_confirmation& pair);
  void fill_confirmations(profile_result& r) const;
  std::string no_confirmation() const;

  // -- decisions ------------------------------------------------------------------------------------
  void decide();
  void check_budget();
  void spend_budget(const std::string& what);
  std::vector<need> needs_of(phase role);
  std::optional<need> curve_need(phase role);
  void count_ahead(phase role, const std::vector<need>& needs);
  int expected_curve_points(phase role) const;
  void measure_next(const std::vector<need>& needs);
  static void measure(candidate_track& candidate, const point_plan& plan);
  std::vector<const need*> deploy_order(const std::array<std::vector<need>, 2>& needs) const;
  bool may_speculate(const need& n) const;
  void deploy_next(const std::array<std::vector<need>, 2>& needs);
  void fill_up(const std::array<std::vector<need>, 2>& needs);
  void deploy(candidate_track& candidate);
  void release_idle(const std::array<std::vector<need>, 2>& needs);
  bool curve_first(candidate_track& candidate);
  void make_room(const need& blocked, const std::array<std::vector<need>, 2>& needs);
  bool worth_holding(size_t index) const;
  bool all_quiet() const;
  bool searched() const { return phases_[0].done && phases_[1].done; }
  bool over() const { return ended_ || (searched() && confirmed_); }

  // -- telling --------------------------------------------------------------------------------------
  void tell(const std::string& what, const std::string& text, const std::string& engine = {}, const std::string& point = {},
            double value_ms = 0);
  candidate_report report_of(const candidate_track& candidate) const;
  std::vector<scored_point> predicted_points(phase role) const;
  void fill_alternatives(profile_result& r) const;
  void fill_totals(profile_result& r) const;
  void fill_curves(profile_result& r) const;
  void fill_predictions(profile_result& r) const;
  void gather_remarks(profile_result& r) const;
  void fill_estimate(profile_result& r) const;
  measure_point work_for(const candidate_track& candidate) const;
  void fill_deployment(deploy_engine& work) const;
  deploy_engine deployment_of(const candidate_track& candidate) const;

  knowledge known_;
  pair_trial trial_;
  bool confirmed_ = false; ///< nothing is or will be confirmed any more
  std::array<phase_track, 2> phases_;
  std::array<int, 2> points_ahead_{};  ///< points that each phase is expected to need still, its curve included
  std::array<int, 2> engines_ahead_{}; ///< engines that each phase is expected to start still
  std::vector<progress> news_;
  uint64_t deployments_ = 0;
  int attempts_failed_ = 0;
  bool started_ = false;  ///< a result was taken
  bool ended_ = false;    ///< cancelled or failed: nothing but releasing
  bool hard_end_ = false; ///< failed: do not wait for releases
  bool written_ = false;
  int early_writes_ = 0; ///< answers that were written before this one stood
};

} // namespace sextant::searching
