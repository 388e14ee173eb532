// answer.cpp: What a search wants and what it knows, as messages.
#include <algorithm>
#include <iterator>
#include <map>

#include "actors/search/boundary.hpp"
#include "actors/search/candidates.hpp"
#include "actors/search/curves.hpp"
#include "actors/search/economy.hpp"
#include "actors/search/estimates.hpp"
#include "actors/search/planner_view.hpp"
#include "actors/search/run.hpp"
#include "messages/subjects.hpp"

namespace sextant::searching {

// -- wanted work ------------------------------------------------------------------------------------------

/// What every engine of the request has in common.
void search_run::fill_deployment(deploy_engine& work) const {
  const auto& request = known_.request;
  work.backend = request.backend;
  work.host = request.host;
  work.simulation = request.simulation;
  work.simulation_speed = request.simulation_speed;
  work.model = request.model;
  work.gpu = request.gpu;
  work.max_context = longest_context(request);
  work.timeout_s = request.deployment_timeout_s;
}

deploy_engine search_run::deployment_of(const candidate_track& candidate) const {
  const auto& request = known_.request;
  deploy_engine work;
  fill_deployment(work);
  work.engine = candidate.report.engine;
  work.attempt = candidate.incarnation;
  work.role = candidate.report.role;
  work.layout = candidate.report.layout;
  // Every incarnation is the same engine.
  work.seed = std::stoull(stable_hash(std::to_string(request.seed) + "/engine/" + work.engine), nullptr, 16) >> 1;
  work.dgd = candidate.report.dgd;
  return work;
}

measure_point search_run::work_for(const candidate_track& candidate) const {
  const auto& point = candidate.points.at(candidate.current);
  measure_point work;
  work.engine = candidate.report.engine;
  work.engine_attempt = candidate.incarnation;
  work.attempt = point.attempt;
  work.endpoint = candidate.endpoint;
  work.served_model = candidate.served_model;
  work.simulation_speed = known_.request.simulation_speed;
  work.simulated = candidate.simulated;
  work.plan = point.plan;
  const auto shared = phase_correction(known_, candidate.report.role);
  const double expected = believe(candidate, spot_of(point.plan), shared).expected;
  (candidate.report.role == phase::prefill ? work.expected_ttft_ms : work.expected_itl_ms) = expected;
  if (candidate.report.role == phase::prefill)
    work.expected_itl_ms = predicted_itl_ms(*candidate.model, candidate.report.layout, 1, point.plan.isl);
  else // of one cold prompt, as in warming
    work.expected_ttft_ms = predicted_ttft_ms(*candidate.model, candidate.report.layout, point.plan.isl);
  return work;
}

wanted_work search_run::wanted() const {
  wanted_work work;
  if (known_.request.dry_run) {
    work.finished = true;
    return work;
  }
  std::vector<const candidate_track*> deploying;
  bool held = false;
  for (const auto& candidate : known_.candidates) {
    held = held || candidate.life != engine_life::idle;
    if (candidate.life == engine_life::deploying)
      deploying.push_back(&candidate);
    if (candidate.life == engine_life::ready && candidate.busy())
      work.measure.push_back(work_for(candidate));
    if (candidate.life == engine_life::releasing)
      work.release.push_back({candidate.report.engine, candidate.incarnation, {}});
  }
  std::sort(deploying.begin(), deploying.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
  for (const auto* candidate : deploying)
    work.deploy.push_back(deployment_of(*candidate));
  trial_.add_to(work);
  held = held || trial_.held();
  if (ended_)
    work.finished = hard_end_ || !held;
  else if (over() && !held)
    (written_ ? work.finished : work.write) = true;
  work.write_attempt = early_writes_ + 1;
  return work;
}

std::string search_run::stage() const {
  if (written_ || ended_ || known_.request.dry_run)
    return "Done";
  if (over())
    return "GeneratingDGD";
  if (!started_)
    return "Initializing";
  if (!phases_[0].swept)
    return "SweepingPrefill";
  if (!phases_[1].swept)
    return "SweepingDecode";
  return "BuildingCurves";
}

// -- the answer -------------------------------------------------------------------------------------------

void search_run::tell(const std::string& what, const std::string& text, const std::string& engine, const std::string& point,
                      double value_ms) {
  progress line;
  line.what = what;
  line.text = text;
  line.engine = engine;
  line.point = point;
  line.value_ms = value_ms;
  line.stage = what == "engine_chosen" ? "SelectingConfig" : stage();
  news_.push_back(std::move(line));
}

search_totals search_run::totals() const {
  search_totals t;
  double wall_s = 0, engine_s = 0, startup_s = 0;
  int started = 0, at_work = 0;
  for (const auto& candidate : known_.candidates) {
    at_work += candidate.busy() || candidate.life == engine_life::deploying ? 1 : 0;
    started += candidate.startup_s > 0 ? 1 : 0;
    startup_s += candidate.startup_s;
    for (const auto& [id, point] : candidate.points)
      if (point.result) {
        ++t.points_done;
        wall_s += point.result->wall_s;
        engine_s += point.result->engine_s;
      }
  }
  const int ahead = points_ahead_[0] + points_ahead_[1];
  t.points_planned = t.points_done + ahead;
  t.gpu_seconds = known_.gpu_seconds();
  if (t.points_done > 0 && ahead > 0) {
    // Starts are known in engine time, which simulated engines need not play at the pace of the clock.
    const double start_s = started > 0 && engine_s > 0 ? startup_s / started * wall_s / engine_s : 0;
    const double work_s = ahead * wall_s / t.points_done + (engines_ahead_[0] + engines_ahead_[1]) * start_s;
    t.remaining_s = work_s / std::max(at_work, 1);
  }
  return t;
}

int search_run::gpus_of(const std::string& engine) const {
  for (const auto& candidate : known_.candidates)
    if (candidate.report.engine == engine)
      return candidate.report.layout.gpus;
  return pair_trial::is_pair(engine) ? trial_.gpus_held() : 0;
}

bool search_run::holds(const std::string& engine, int attempt) const {
  return trial_.holds(engine, attempt)
         || std::any_of(known_.candidates.begin(), known_.candidates.end(), [&](const candidate_track& c) {
              return c.report.engine == engine && c.incarnation == attempt && c.life != engine_life::idle;
            });
}

int search_run::incarnations_of(const std::string& engine) const {
  for (const auto& candidate : known_.candidates)
    if (candidate.report.engine == engine)
      return candidate.incarnation;
  return trial_.incarnations_of(engine);
}

candidate_report search_run::report_of(const candidate_track& candidate) const {
  auto report = candidate.report;
  report.attempts = candidate.incarnation;
  if (report.state == candidate_state::dropped || report.state == candidate_state::pruned)
    return report;
  const bool any = std::any_of(candidate.grid.begin(), candidate.grid.end(),
                               [&](const point_plan& plan) { return candidate.measured(plan.point) != nullptr; });
  const auto& track = phases_[static_cast<size_t>(report.role)];
  if (candidate.failed)
    report.state = candidate_state::failed;
  else if (candidate.busy())
    report.state = candidate_state::measuring;
  else if (candidate.life == engine_life::deploying)
    report.state = candidate_state::deploying;
  else if (any)
    report.state = candidate_state::measured;
  else if (track.swept && known_.request.policy == search_policy::adaptive) {
    report.state = candidate_state::pruned;
    report.reason = known_.budget_spent ? "the budget was spent before its turn" : why_pruned(known_, candidate);
  }
  return report;
}

void search_run::fill_totals(profile_result& r) const {
  std::string clock;
  for (const auto& candidate : known_.candidates) {
    r.simulated = r.simulated || candidate.simulated;
    for (const auto& [id, point] : candidate.points) {
      if (!point.result)
        continue;
      ++r.points_measured;
      if (!clock.empty() && clock != point.result->clock)
        clock = "mixed";
      else if (clock.empty())
        clock = point.result->clock;
    }
  }
  r.clock = clock;
  r.attempts_failed = attempts_failed_;
  r.gpu_seconds = known_.gpu_seconds();
  r.points_planned = r.points_measured + points_ahead_[0] + points_ahead_[1];
}

void search_run::fill_curves(profile_result& r) const {
  for (const auto& candidate : known_.candidates) {
    if (candidate.report.engine == r.prefill.engine && !r.prefill.engine.empty()) {
      const auto whole = prefill_curve(candidate);
      r.prefill_curve = rising_part(whole);
      if (r.prefill_curve.size() < 5 && whole.size() > r.prefill_curve.size())
        r.prefill_curve = whole;
      else if (r.prefill_curve.size() < whole.size())
        r.remarks.push_back(std::to_string(whole.size() - r.prefill_curve.size())
                            + " points of the prefill curve are left out: their TTFT does not rise with the ISL");
    }
    if (candidate.report.engine == r.decode.engine && !r.decode.engine.empty()) {
      r.decode_grid = decode_samples(candidate);
      r.max_kv_tokens = candidate.report.kv_tokens;
    }
  }
  if (over() && !ended_ && !r.prefill.engine.empty() && !r.decode.engine.empty()) {
    for (auto& objection : curve_objections(r.prefill_curve, r.decode_grid))
      r.remarks.push_back(std::move(objection));
    for (auto& misreading : prefill_misreadings(r.prefill_curve, known_.request.sla.isl))
      r.remarks.push_back(std::move(misreading));
  }
}

/// Measured alternatives to the picks; where a target is missed and nothing else was measured, predicted ones.
void search_run::fill_alternatives(profile_result& r) const {
  for (auto role : {phase::prefill, phase::decode}) {
    const auto& pick = role == phase::prefill ? r.prefill : r.decode;
    auto others = alternatives_to(known_.scored(role, true), role, pick, known_.target(role));
    if (others.empty() && !pick.engine.empty() && !pick.meets_target) {
      others = alternatives_to(predicted_points(role), role, pick, known_.target(role));
      for (auto& other : others)
        other.note += " (predicted, not measured)";
    }
    if (role == phase::decode)
      if (auto between = better_between_grid_loads(known_, pick))
        others.insert(others.begin(), std::move(*between));
    std::move(others.begin(), others.end(), std::back_inserter(r.alternatives));
  }
}

std::vector<scored_point> search_run::predicted_points(phase role) const {
  const auto shared = phase_correction(known_, role);
  std::vector<scored_point> points;
  for (const auto& candidate : known_.candidates) {
    const auto& report = candidate.report;
    if (report.role != role || !candidate.usable())
      continue;
    for (const auto& plan :
         sweep_points(known_.request, report, report.kv_tokens > 0 ? report.kv_tokens : report.predicted_kv_tokens)) {
      const auto b = believe(candidate, spot_of(plan), shared);
      points.push_back({report.engine, report.layout, plan.concurrency, b.expected, b.low, b.high,
                        candidate.throughput_weight(spot_of(plan)) / b.expected, report.predicted_kv_tokens});
    }
  }
  return points;
}

namespace {

/// What binds a phase that has no candidate left before anything was deployed; empty if it has one.
std::string nothing_to_try(const std::vector<candidate_report>& candidates, phase role) {
  bool memory = false, pool = false;
  for (const auto& candidate : candidates) {
    if (candidate.role != role)
      continue;
    if (candidate.state != candidate_state::dropped)
      return {};
    memory = memory || candidate.reason.rfind("memory", 0) == 0;
    pool = pool || candidate.reason.rfind("pool", 0) == 0;
  }
  return memory ? "memory" : pool ? "gpus" : "mapping";
}

} // namespace

profile_result search_run::result() const {
  profile_result r;
  r.remarks = known_.remarks;
  for (const auto& candidate : known_.candidates)
    r.candidates.push_back(report_of(candidate));
  r.prefill = known_.pick(phase::prefill);
  r.decode = known_.pick(phase::decode);
  fill_alternatives(r);
  conclude(r, known_.request.sla);
  if (known_.budget_spent && r.binding_constraint == "engines")
    r.binding_constraint = "budget";
  for (auto role : {phase::prefill, phase::decode})
    if (auto why = nothing_to_try(r.candidates, role); !why.empty())
      r.binding_constraint = std::move(why);
  fill_totals(r);
  fill_confirmations(r);
  fill_curves(r);
  fill_predictions(r);
  gather_remarks(r);
  if (known_.request.dry_run)
    fill_estimate(r);
  return r;
}

/// What the model said of every measured point, uncorrected by any measurement.
void search_run::fill_predictions(profile_result& r) const {
  for (const auto& candidate : known_.candidates)
    for (const auto& [id, point] : candidate.points)
      if (point.result && candidate.model) {
        const double ms = candidate.predict(spot_of(point.plan)), band = 1 + candidate.model->error_band();
        r.predictions.push_back({candidate.report.engine, id, ms, ms / band, ms * band, point.result->value_ms});
      }
}

/// What limits single points limits the answer: each remark once, with the number of points it stands at.
void search_run::gather_remarks(profile_result& r) const {
  if (r.simulated && known_.request.host == "local")
    r.remarks.push_back(
        "the engines were mocked: Dynamo's mocker played times of the performance model behind the real frontend");
  std::map<std::string, int> points;
  for (const auto& candidate : known_.candidates)
    for (const auto& [id, point] : candidate.points)
      if (point.result)
        for (const auto& remark : point.result->remarks)
          ++points[remark];
  for (const auto& [remark, count] : points)
    r.remarks.push_back(remark + " (" + std::to_string(count) + " of " + std::to_string(r.points_measured) + " points)");
}

/// What a sweep of every usable candidate would take, without start-up and curves: the upper end for the adaptive policy.
void search_run::fill_estimate(profile_result& r) const {
  for (const auto& candidate : known_.candidates) {
    if (!candidate.usable())
      continue;
    for (const auto& plan : sweep_points(known_.request, candidate.report, candidate.report.predicted_kv_tokens)) {
      r.gpu_seconds += expected_seconds(candidate, plan) * candidate.report.layout.gpus;
      ++r.points_planned;
    }
  }
  for (auto role : {phase::prefill, phase::decode})
    r.points_planned += expected_curve_points(role);
  r.remarks.push_back(
      "dry run: GPU-seconds are those of sweeping every candidate, without start-up and curves; the adaptive "
      "policy stops as soon as nothing can change its pick");
}

} // namespace sextant::searching
