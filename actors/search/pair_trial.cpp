// pair_trial.cpp: Deploy, measure, judge, release.
#include "actors/search/pair_trial.hpp"

#include <algorithm>

#include "actors/search/pair_forecast.hpp"

namespace sextant::searching {

void pair_trial::begin(pair_confirmation forecast, point_plan plan, deploy_engine work) {
  // The same mappings once more are another incarnation of the same engine.
  const int before = incarnations_of(work.engine);
  forecast_ = std::move(forecast);
  work_ = std::move(work);
  work_.attempt = before + 1;
  point_ = {};
  point_.engine = work_.engine;
  point_.plan = std::move(plan);
  point_.expected_ttft_ms = forecast_.predicted_ttft_ms;
  point_.expected_itl_ms = forecast_.predicted_itl_ms;
  failures_ = 0;
  begun_ = true;
  decided_ = false;
  life_ = engine_life::deploying;
}

int pair_trial::incarnations_of(const std::string& engine) const {
  const auto used = used_.find(engine);
  return std::max(work_.engine == engine ? work_.attempt : 0, used == used_.end() ? 0 : used->second);
}

void pair_trial::note(const std::string& engine, int attempt) {
  if (attempt > incarnations_of(engine))
    used_[engine] = attempt;
}

void pair_trial::stop() {
  decided_ = true;
  if (held())
    life_ = engine_life::releasing;
}

void pair_trial::decide(pair_confirmation pair) {
  decided_ = true;
  tried_.push_back(std::move(pair));
  if (held())
    life_ = engine_life::releasing;
}

/// One attempt did not come to a measurement.
void pair_trial::missed(const failure& error) {
  ++failures_;
  ++all_failures_;
  if (error.kind != failure_class::permanent && failures_ < most_failures)
    return;
  auto pair = forecast_;
  pair.state = confirmation_state::failed;
  pair.reason = error.detail.empty() ? std::string{to_text(error.cause)} : error.detail;
  decide(std::move(pair));
}

bool pair_trial::take(const engine_ready& x) {
  if (x.engine != work_.engine || x.attempt != work_.attempt || life_ != engine_life::deploying) {
    note(x.engine, x.attempt);
    return false;
  }
  life_ = decided_ ? engine_life::releasing : engine_life::ready;
  point_.engine_attempt = x.attempt;
  point_.endpoint = x.endpoint;
  point_.served_model = x.served_model;
  point_.simulated = simulated_ = x.simulated;
  gpu_seconds_ += x.startup_s * work_.gpus();
  return true;
}

bool pair_trial::engine_ended(const std::string& engine, int attempt, const failure& error) {
  if (engine != work_.engine || attempt != work_.attempt || life_ == engine_life::idle) {
    note(engine, attempt);
    return false;
  }
  const bool wanted = life_ != engine_life::releasing;
  life_ = engine_life::idle;
  if (wanted)
    missed(error);
  if (!decided_) {
    work_.attempt = incarnations_of(engine) + 1;
    life_ = engine_life::deploying;
  }
  return true;
}

bool pair_trial::take(const engine_released& x) {
  return engine_ended(x.engine, x.attempt,
                      {failure_class::transient, failure_cause::engine_gone, "its endpoint was gone", {}});
}

bool pair_trial::take(const point_measured& x, const service_level& sla) {
  if (decided_ || x.engine != work_.engine || x.engine_attempt != work_.attempt || x.plan.point != point_.plan.point)
    return false;
  gpu_seconds_ += x.engine_s * work_.gpus();
  if (!x.valid || !(x.ttft.p50 > 0) || !(x.itl.p50 > 0)) {
    ++point_.attempt;
    missed({failure_class::transient,
            failure_cause::request_failed,
            x.remarks.empty() ? std::string{"the measurement is not valid"} : x.remarks.front(),
            {}});
    return true;
  }
  auto pair = forecast_;
  pair.ttft_ms = x.ttft.p50;
  pair.itl_ms = x.itl.p50;
  pair.requests_per_s = x.output_tokens_per_s / x.plan.osl;
  judge_pair(pair, sla);
  decide(std::move(pair));
  return true;
}

bool pair_trial::take(const attempt_failed& x) {
  if (decided_ || x.engine != work_.engine || x.engine_attempt != work_.attempt || x.attempt != point_.attempt)
    return false;
  ++point_.attempt;
  missed(x.error);
  if (!decided_ && x.error.cause == failure_cause::engine_gone)
    life_ = engine_life::releasing; // what is left of it ends before the next incarnation
  return true;
}

void pair_trial::add_to(wanted_work& work) const {
  if (life_ == engine_life::deploying)
    work.deploy.push_back(work_);
  else if (life_ == engine_life::ready && !decided_)
    work.measure.push_back(point_);
  else if (life_ == engine_life::releasing)
    work.release.push_back({work_.engine, work_.attempt, {}});
}

} // namespace sextant::searching
