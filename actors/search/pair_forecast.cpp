// pair_forecast.cpp: Queueing of a pair.
#include "actors/search/pair_forecast.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "actors/search/candidates.hpp"
#include "messages/subjects.hpp"

namespace sextant::searching {

namespace {

constexpr double highest_utilisation = 0.9; ///< of prefill: beyond it the wait depends on luck
constexpr double lowest_utilisation = 0.05;
constexpr int rounds = 4;           ///< requests of the measurement, for each one in flight
constexpr int fewest_requests = 12; ///< enough for a median

double wait_ms(double service_ms, double utilisation) {
  return service_ms * utilisation / (2 * (1 - utilisation));
}

/// Utilisation at which the mean wait takes up the rest of the target.
double utilisation_within(double rest_ms, double service_ms) {
  const double u = rest_ms <= 0 ? 0 : 2 * rest_ms / (2 * rest_ms + service_ms);
  return std::clamp(u, lowest_utilisation, highest_utilisation);
}

const candidate_track* track_of(const knowledge& known, const std::string& engine) {
  for (const auto& candidate : known.candidates)
    if (candidate.report.engine == engine)
      return &candidate;
  return nullptr;
}

std::string slower(const char* what, double ms, double limit_ms, const char* than) {
  char text[120];
  std::snprintf(text, sizeof text, "%s %.2f ms, more than the %s %.2f ms", what, ms, than, limit_ms);
  return text;
}

} // namespace

std::optional<pair_confirmation> forecast_pair(const knowledge& known) {
  const auto prefill = known.pick(phase::prefill), decode = known.pick(phase::decode);
  const auto* decoder = track_of(known, decode.engine);
  if (prefill.engine.empty() || !decoder || prefill.throughput_per_gpu <= 0 || decode.value_ms <= 0)
    return std::nullopt;
  const auto& sla = known.request.sla;
  pair_confirmation pair;
  pair.prefill = prefill.layout;
  pair.decode = decode.layout;
  pair.engine = "pair-" + prefill.layout.tag() + "-" + decode.layout.tag();

  const double service_ms = 1000.0 * sla.isl / (prefill.throughput_per_gpu * prefill.layout.gpus);
  const double utilisation = utilisation_within(sla.ttft_ms - prefill.value_ms - decode.value_ms, service_ms);
  const double prefill_rate = utilisation / service_ms; // requests/ms
  const double decode_rate = decode.concurrency / (sla.osl * decode.value_ms);
  const double rate = std::min(prefill_rate, decode_rate);
  const double used = std::min(rate * service_ms, highest_utilisation);

  // ITL at the requests that really decode, along the model's curve through the measured point.
  const double decoding = std::clamp(rate * sla.osl * decode.value_ms, 1.0, static_cast<double>(decode.concurrency));
  const double at_pick = decoder->predict({sla.isl, sla.osl, decode.concurrency});
  const double at_rate = decoder->predict({sla.isl, sla.osl, static_cast<int>(std::lround(decoding))});
  const double easier = at_pick > 0 ? std::min(1.0, at_rate / at_pick) : 1;
  pair.predicted_itl_ms = decode.value_ms * easier;
  pair.itl_low_ms = decode.value_low_ms * easier * (1 - pair_band);
  pair.itl_high_ms = decode.value_high_ms * (1 + pair_band);

  pair.predicted_ttft_ms = prefill.value_ms + wait_ms(service_ms, used) + pair.predicted_itl_ms;
  pair.ttft_low_ms = prefill.value_low_ms * (1 - pair_band);
  pair.ttft_high_ms = (prefill.value_high_ms + 2 * wait_ms(service_ms, used) + decode.value_high_ms) * (1 + pair_band);
  pair.predicted_requests_per_s = 1000 * rate;
  const double in_system = rate * (pair.predicted_ttft_ms + (sla.osl - 1) * pair.predicted_itl_ms);
  pair.concurrency = std::max(1, static_cast<int>(std::lround(in_system)));
  return pair;
}

void judge_pair(pair_confirmation& pair, const service_level& sla) {
  pair.reason.clear();
  auto add = [&](const std::string& text) { pair.reason += (pair.reason.empty() ? "" : "; ") + text; };
  if (pair.ttft_ms > sla.ttft_ms)
    add(slower("TTFT", pair.ttft_ms, sla.ttft_ms, "target's"));
  if (pair.itl_ms > sla.itl_ms)
    add(slower("ITL", pair.itl_ms, sla.itl_ms, "target's"));
  if (!pair.reason.empty()) {
    pair.state = confirmation_state::misses_target;
    return;
  }
  if (pair.ttft_ms > pair.ttft_high_ms)
    add(slower("TTFT", pair.ttft_ms, pair.ttft_high_ms, "predicted at most"));
  if (pair.itl_ms > pair.itl_high_ms)
    add(slower("ITL", pair.itl_ms, pair.itl_high_ms, "predicted at most"));
  pair.state = pair.reason.empty() ? confirmation_state::confirmed : confirmation_state::off_prediction;
}

point_plan pair_plan(const profile_request& request, const pair_confirmation& pair) {
  point_plan plan;
  plan.kind = point_kind::itl;
  plan.purpose = "confirm";
  plan.isl = request.sla.isl;
  plan.osl = std::max(2, request.sla.osl);
  plan.concurrency = pair.concurrency;
  plan.requests = std::max(fewest_requests, rounds * pair.concurrency);
  plan.warmup_requests = 2;
  plan.gpus = pair.prefill.gpus + pair.decode.gpus;
  plan.attention_dp = 1; // a router stands before the ranks
  plan.point = pair.engine + "/confirm/isl" + std::to_string(plan.isl) + "_osl" + std::to_string(plan.osl) + "_n"
               + std::to_string(plan.concurrency);
  plan.prompt_seed = std::stoull(stable_hash(std::to_string(request.seed) + "/" + plan.point), nullptr, 16) >> 1;
  return plan;
}

} // namespace sextant::searching
