// run.cpp: Results in: what each one changes.
#include "actors/search/run.hpp"

#include <algorithm>
#include <cstdio>

#include "actors/search/candidates.hpp"
#include "actors/search/estimated.hpp"
#include "actors/search/hybrid.hpp"

namespace sextant::searching {

namespace {

std::string attempts_text(int failures) {
  return " (attempt " + std::to_string(failures) + " of " + std::to_string(most_failures) + ")";
}

} // namespace

search_run::search_run(const profile_request& request) : known_(first_knowledge(request)) {
  if (request.mode == search_mode::hybrid)
    keep_best(known_);
  for (auto role : {phase::prefill, phase::decode}) {
    const bool any = std::any_of(known_.candidates.begin(), known_.candidates.end(),
                                 [&](const auto& c) { return c.report.role == role && c.usable(); });
    // Without an engine for one phase there is no answer, whatever the other one measures.
    if (!any)
      phases_[0].done = phases_[1].done = true;
  }
  decide();
  news_.clear();
}

std::vector<progress> search_run::apply(const result_event& result) {
  news_.clear();
  if (std::visit([this](const auto& x) { return this->take(x); }, result)) {
    started_ = true;
    decide();
  }
  return std::move(news_);
}

// -- engines --------------------------------------------------------------------------------------------

bool search_run::take(const engine_ready& x) {
  if (pair_trial::is_pair(x.engine))
    return trial_.take(x);
  auto* candidate = known_.find(x.engine);
  if (candidate && x.attempt > candidate->incarnation)
    adopt(*candidate, x.attempt);
  if (!candidate || candidate->incarnation != x.attempt || candidate->life != engine_life::deploying)
    return false;
  candidate->endpoint = x.endpoint;
  candidate->served_model = x.served_model;
  candidate->simulated = x.simulated;
  candidate->engine_s += x.startup_s;
  candidate->startup_s = x.startup_s;
  candidate->life = ended_ ? engine_life::releasing : engine_life::ready;
  if (candidate->report.kv_tokens == 0)
    candidate->report.kv_tokens = x.kv_tokens;
  if (x.kv_source == "memory model")
    known_.remarks.push_back(x.engine + " does not tell its KV capacity: it is the memory model's");
  tell("engine_ready", x.engine + " is ready, KV cache of " + std::to_string(x.kv_tokens) + " tokens", x.engine);
  if (candidate->report.role == phase::decode && !candidate->grid_known) {
    candidate->grid = sweep_points(known_.request, candidate->report, candidate->report.kv_tokens);
    candidate->grid_known = true;
    if (x.kv_tokens <= 0)
      give_up(*candidate, "the KV capacity is unknown");
    else if (candidate->grid.empty())
      give_up(*candidate, "its KV cache of " + std::to_string(x.kv_tokens)
                              + " tokens holds less than one request for each attention rank");
  }
  return true;
}

bool search_run::engine_ended(const std::string& engine, int attempt, const failure& error) {
  if (pair_trial::is_pair(engine))
    return trial_.engine_ended(engine, attempt, error);
  auto* candidate = known_.find(engine);
  if (candidate && attempt > candidate->incarnation)
    adopt(*candidate, attempt);
  if (!candidate || candidate->incarnation != attempt || candidate->life == engine_life::idle)
    return false;
  if (!candidate->usable()) {
    candidate->life = engine_life::idle;
    return true;
  }
  // An engine that was being ended anyway did not fail.
  const bool counts = candidate->life != engine_life::releasing || candidate->gone;
  candidate->life = engine_life::idle;
  candidate->current.clear();
  candidate->gone = false;
  if (!counts)
    return true;
  ++candidate->failures;
  ++attempts_failed_;
  candidate->report.failures.push_back(error);
  if (error.kind == failure_class::permanent)
    give_up(*candidate, error.detail.empty() ? std::string{to_text(error.cause)} : error.detail);
  else if (candidate->failures >= most_failures)
    give_up(*candidate, std::to_string(most_failures) + " attempts failed, the last: " + error.detail);
  else
    tell("engine_failed", engine + " failed" + attempts_text(candidate->failures) + ": " + error.detail, engine);
  return true;
}

void search_run::give_up(candidate_track& candidate, const std::string& reason) {
  candidate.failed = true;
  candidate.current.clear();
  candidate.report.reason = reason;
  tell("candidate_failed", candidate.report.engine + " is given up: " + reason, candidate.report.engine);
}

bool search_run::take(const engine_released& x) {
  if (pair_trial::is_pair(x.engine))
    return trial_.take(x);
  auto* candidate = known_.find(x.engine);
  if (candidate && x.attempt > candidate->incarnation) {
    adopt(*candidate, x.attempt);
    candidate->life = engine_life::idle;
    return true;
  }
  if (!candidate || candidate->incarnation != x.attempt || candidate->life == engine_life::idle)
    return false;
  if (candidate->life == engine_life::deploying && x.held_s == 0 && !over()) {
    // It never started: no node had room for it beside the engines that are held. They make room, or it waits for them.
    candidate->life = engine_life::idle;
    if (const int held = known_.gpus_held(); held > 0)
      known_.room = std::min(known_.room, held + candidate->report.layout.gpus - 1);
    tell("engine_waits", x.engine + " finds no node with room beside the engines that are held", x.engine);
    return true;
  }
  const bool unasked = candidate->life != engine_life::releasing;
  if (candidate->gone || (unasked && ++candidate->unasked_ends > most_failures))
    return engine_ended(x.engine, x.attempt,
                        {failure_class::transient, failure_cause::engine_gone, "its endpoint was gone", {}});
  candidate->life = engine_life::idle;
  candidate->current.clear();
  return true;
}

// -- what was not asked for: a version that decided otherwise wrote it ------------------------------------

/// Takes an incarnation that others deployed for an own one that is starting.
void search_run::adopt(candidate_track& candidate, int attempt) {
  candidate.incarnation = attempt;
  candidate.life = engine_life::deploying;
  candidate.order = ++deployments_;
  candidate.current.clear();
  candidate.gone = false;
}

/// Keeps a measurement that no decision waits for. It counts as long as the point has no other.
bool search_run::keep_unasked(candidate_track& candidate, const point_measured& x) {
  if (!candidate.usable() || !x.valid || !(x.value_ms > 0) || !(x.throughput_per_gpu > 0)
      || (x.plan.purpose != "sweep" && x.plan.purpose != "curve"))
    return false;
  auto& point = candidate.points.try_emplace(x.plan.point, point_track{x.plan, x.attempt, 0, false, {}, {}}).first->second;
  if (point.result || point.failed)
    return false;
  point.result = x;
  point.result->samples = {};
  candidate.engine_s += x.engine_s;
  if (auto& track = phases_[static_cast<size_t>(candidate.report.role)]; x.plan.purpose == "sweep" && track.done) {
    track.done = track.swept = false; // the pick may be another now
    confirmed_ = confirmed_ && (written_ || ended_);
  }
  tell("point_measured", x.plan.point + " was measured without having been asked for", x.engine, x.plan.point, x.value_ms);
  return true;
}

// -- points ---------------------------------------------------------------------------------------------

bool search_run::take(const point_measured& x) {
  if (pair_trial::is_pair(x.engine))
    return trial_.take(x, known_.request.sla);
  auto* candidate = known_.find(x.engine);
  if (!candidate)
    return false;
  if (candidate->incarnation != x.engine_attempt || candidate->current != x.plan.point)
    return keep_unasked(*candidate, x);
  auto& point = candidate->points.at(candidate->current);
  candidate->current.clear();
  candidate->engine_s += x.engine_s;
  if (!x.valid || !(x.value_ms > 0) || !(x.throughput_per_gpu > 0)) {
    point_missed(*candidate, point,
                 {failure_class::transient,
                  failure_cause::request_failed,
                  x.remarks.empty() ? std::string{"the measurement is not valid"} : x.remarks.front(),
                  {}});
    return true;
  }
  if (point.result)
    return true; // the first one counts, for the artifacts too
  point.result = x;
  point.result->samples = {};
  char text[160];
  std::snprintf(text, sizeof text, "%s: %s %.2f ms, %.1f tokens/s/GPU", x.plan.point.c_str(),
                x.plan.kind == point_kind::ttft ? "TTFT" : "ITL", x.value_ms, x.throughput_per_gpu);
  tell("point_measured", text, x.engine, x.plan.point, x.value_ms);
  return true;
}

bool search_run::take(const attempt_failed& x) {
  if (pair_trial::is_pair(x.engine))
    return trial_.take(x);
  auto* candidate = known_.find(x.engine);
  if (!candidate)
    return false;
  auto& used = candidate->used_attempts[x.point];
  used = std::max(used, x.attempt);
  if (candidate->incarnation != x.engine_attempt || candidate->current != x.point)
    return false;
  auto& point = candidate->points.at(candidate->current);
  if (point.attempt != x.attempt)
    return false;
  candidate->current.clear();
  if (x.error.cause == failure_cause::engine_gone) {
    // Not the point's fault: it waits for the engine's next life. What is left of this one is ended.
    ++point.attempt;
    ++attempts_failed_;
    candidate->gone = true;
    candidate->life = engine_life::releasing;
    tell("attempt_failed", x.point + ": the engine is gone", x.engine, x.point);
    return true;
  }
  point_missed(*candidate, point, x.error);
  return true;
}

void search_run::point_missed(candidate_track& candidate, point_track& point, const failure& error) {
  ++point.attempt;
  ++point.failures;
  ++attempts_failed_;
  point.reason = error.detail.empty() ? std::string{to_text(error.cause)} : error.detail;
  point.failed = error.kind == failure_class::permanent || point.failures >= most_failures;
  tell(point.failed ? "point_failed" : "attempt_failed",
       point.plan.point + attempts_text(point.failures) + ": " + point.reason, candidate.report.engine, point.plan.point);
  if (point.failed)
    known_.remarks.push_back(point.plan.point + " was not measured: " + point.reason);
  settle_failures(candidate);
}

void search_run::settle_failures(candidate_track& candidate) {
  const bool hopeless = candidate.grid_known
                        && std::all_of(candidate.grid.begin(), candidate.grid.end(),
                                       [&](const auto& plan) { return candidate.given_up(plan.point); });
  if (hopeless)
    give_up(candidate, "none of its points could be measured: " + candidate.points.at(candidate.grid.front().point).reason);
}

// -- the end --------------------------------------------------------------------------------------------

bool search_run::take(const artifacts_written& x) {
  if (written_ || ended_)
    return false;
  if (!wanted().write) { // another answer than this one
    ++early_writes_;
    return false;
  }
  written_ = true;
  tell("artifacts_written", std::to_string(x.files.size()) + " files in " + x.directory);
  return true;
}

bool search_run::take(const budget_spent& x) {
  if (over() || known_.budget_spent)
    return false;
  spend_budget(x.what);
  return true;
}

bool search_run::take(const cancel_request& x) {
  if (ended_ || written_)
    return false;
  ended_ = true;
  trial_.stop();
  known_.remarks.push_back("cancelled" + (x.reason.empty() ? std::string{} : ": " + x.reason));
  tell("cancelled", known_.remarks.back());
  return true;
}

bool search_run::take(const profile_failed& x) {
  if (hard_end_ || written_)
    return false;
  ended_ = hard_end_ = true;
  trial_.stop();
  known_.remarks.push_back("failed: " + x.error.detail);
  tell("failed", known_.remarks.back());
  return true;
}

} // namespace sextant::searching

namespace sextant {

std::unique_ptr<search_core> make_search(const profile_request& request) {
  if (request.mode == search_mode::estimated)
    return make_estimated_search(request);
  return std::make_unique<searching::search_run>(request);
}

} // namespace sextant
