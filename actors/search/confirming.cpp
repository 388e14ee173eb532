// confirming.cpp: The recommended pair, deployed and measured together; the next alternative where it does not keep its
// promise.
#include <algorithm>
#include <cstdio>

#include "actors/search/candidates.hpp"
#include "actors/search/pair_forecast.hpp"
#include "actors/search/run.hpp"
#include "adapters/backends/dgd.hpp"
#include "messages/subjects.hpp"

namespace sextant::searching {

namespace {

/// Pairs of one request that are tried before the answer stands without confirmation.
constexpr size_t most_pairs = 3;

bool plays_pairs(const std::string& host) {
  return host == "local" || host == "kubernetes";
}

} // namespace

/// Why no pair is deployed; empty if one is to be.
std::string search_run::no_confirmation() const {
  const auto& request = known_.request;
  if (auto asked = request.extra.find("confirm"); asked != request.extra.end() && asked->second == "false")
    return "as asked";
  if (!plays_pairs(request.host))
    return "the " + request.host + " host runs single engines only";
  if (known_.budget_spent)
    return "the budget is spent";
  return {};
}

/// Deploys the pick's pair once both phases are done.
void search_run::confirm() {
  if (ended_ || confirmed_ || !searched() || trial_.busy() || trial_.held())
    return;
  auto pair = forecast_pair(known_);
  std::string why = no_confirmation();
  if (why.empty() && pair && pair->prefill.gpus + pair->decode.gpus > gpus_at_once(known_.request))
    why = "the pair needs " + std::to_string(pair->prefill.gpus + pair->decode.gpus) + " GPUs, there are "
          + std::to_string(gpus_at_once(known_.request));
  deploy_engine work;
  std::string error;
  if (why.empty() && pair) {
    work.dgd = pair_dgd(known_.request, pair->prefill, pair->decode, error);
    why = error;
  }
  if (!why.empty() || !pair) {
    if (pair && plays_pairs(known_.request.host))
      known_.remarks.push_back("the recommended pair was not measured together: " + why);
    confirmed_ = true;
    return;
  }
  // Its GPUs are free once the engines of the search are gone.
  if (known_.gpus_held() + pair->prefill.gpus + pair->decode.gpus > gpus_at_once(known_.request))
    return;
  fill_deployment(work);
  work.engine = pair->engine;
  work.role = phase::decode;
  work.layout = pair->decode;
  work.prefill_layout = pair->prefill;
  work.seed = std::stoull(stable_hash(std::to_string(known_.request.seed) + "/engine/" + work.engine), nullptr, 16) >> 1;
  tell("engine_wanted",
       pair->engine + " is to be deployed on " + std::to_string(work.gpus()) + " GPUs and measured together", pair->engine);
  auto plan = pair_plan(known_.request, *pair);
  trial_.begin(std::move(*pair), std::move(plan), std::move(work));
}

/// What follows from the trial's verdict.
void search_run::conclude_trial() {
  const auto pair = trial_.tried().back();
  trial_.take_note();
  char text[200];
  std::snprintf(text, sizeof text,
                "%s: TTFT %.2f ms (predicted %.2f), ITL %.2f ms (predicted %.2f) at %d in flight: ", pair.engine.c_str(),
                pair.ttft_ms, pair.predicted_ttft_ms, pair.itl_ms, pair.predicted_itl_ms, pair.concurrency);
  const bool kept = pair.state == confirmation_state::confirmed;
  tell("pair_measured", text + (kept ? std::string{"confirmed"} : pair.reason), pair.engine);
  if (kept) {
    confirmed_ = true;
    return;
  }
  const auto verdict = pair.engine + " did not keep its promise: " + pair.reason;
  if (pair.state != confirmation_state::failed && trial_.tried().size() < most_pairs && reject_pick(pair)) {
    known_.remarks.push_back(verdict + "; the next alternative was taken");
    return;
  }
  known_.remarks.push_back(verdict + "; no better alternative was left");
  confirmed_ = true;
}

/// Takes the point that the pair's slow side was picked by out of the choice; false if nothing within the target is left.
bool search_run::reject_pick(const pair_confirmation& pair) {
  const auto& sla = known_.request.sla;
  const bool decode_slow = pair.itl_ms > std::min(sla.itl_ms, pair.itl_high_ms);
  const auto role = decode_slow ? phase::decode : phase::prefill;
  const auto pick = known_.pick(role);
  auto* candidate = known_.find(pick.engine);
  if (!candidate)
    return false;
  const auto chosen = std::find_if(candidate->grid.begin(), candidate->grid.end(), [&](const point_plan& plan) {
    return candidate->measured(plan.point) && (role == phase::prefill || plan.concurrency == pick.concurrency);
  });
  if (chosen == candidate->grid.end())
    return false;
  known_.rejected.push_back(chosen->point);
  if (!known_.pick(role).meets_target) {
    known_.rejected.pop_back();
    return false;
  }
  auto& track = phases_[static_cast<size_t>(role)];
  track.swept = track.done = false;
  return true;
}

void search_run::fill_confirmations(profile_result& r) const {
  r.confirmations = trial_.tried();
  r.simulated = r.simulated || trial_.simulated();
  r.gpu_seconds += trial_.gpu_seconds();
  r.attempts_failed += trial_.failures();
  if (!confirmed_ || r.confirmations.empty())
    return;
  const auto& last = r.confirmations.back();
  if (last.state != confirmation_state::misses_target)
    return;
  r.feasible = false;
  r.binding_constraint = last.itl_ms > known_.request.sla.itl_ms ? "itl" : "ttft";
  r.achievable.ttft_ms = std::max(r.achievable.ttft_ms, last.ttft_ms);
  r.achievable.itl_ms = std::max(r.achievable.itl_ms, last.itl_ms);
}

} // namespace sextant::searching
