// choose.cpp: The picking modes of the reference, and reasons in words.
#include "actors/search/estimating/choose.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sextant::estimating {

namespace {

std::string formatted(const char* format, double a, double b = 0, double c = 0) {
  char buffer[200];
  std::snprintf(buffer, sizeof buffer, format, a, b, c);
  return buffer;
}

/// Units that a deployment needs for the goal's load.
double units_needed(const goal& wanted, const deployment_estimate& d) {
  const double load = wanted.concurrency > 0 ? wanted.concurrency : wanted.requests_per_s;
  const double served = (wanted.concurrency > 0 ? d.concurrency : d.requests_per_s) / std::max(d.units, 1);
  return served > 0 ? std::max(1.0, std::ceil(load / served - 1e-9)) : 1e9;
}

double gpus_needed(const goal& wanted, const deployment_estimate& d) {
  return units_needed(wanted, d) * d.gpus / std::max(d.units, 1);
}

/// Orders deployments, the better one first.
bool better(const goal& wanted, const deployment_estimate& a, const deployment_estimate& b) {
  switch (wanted.how) {
    case picking::latency:
      if (a.tpot_ms != b.tpot_ms)
        return a.tpot_ms < b.tpot_ms;
      return a.ttft_ms < b.ttft_ms;
    case picking::throughput:
      return a.tokens_per_s_per_gpu > b.tokens_per_s_per_gpu;
    case picking::best:
    case picking::load_match:
    case picking::autoscale:
      break;
  }
  if (a.meets_target != b.meets_target)
    return a.meets_target;
  if (!a.meets_target)
    return excess(wanted, a) < excess(wanted, b);
  if (wanted.how == picking::load_match) {
    const double x = gpus_needed(wanted, a), y = gpus_needed(wanted, b);
    if (x != y)
      return x < y;
  }
  return a.tokens_per_s_per_gpu > b.tokens_per_s_per_gpu;
}

/// The best load of every configuration, best configuration first.
std::vector<deployment_estimate> ranking(const comparison& compared) {
  std::vector<deployment_estimate> result;
  for (const auto& d : compared.deployments) {
    auto same = std::find_if(result.begin(), result.end(), [&](const auto& known) { return same_configuration(known, d); });
    if (same == result.end())
      result.push_back(d);
    else if (better(compared.wanted, d, *same))
      *same = d;
  }
  std::stable_sort(result.begin(), result.end(),
                   [&](const auto& a, const auto& b) { return better(compared.wanted, a, b); });
  return result;
}

std::string missed(const goal& wanted, const deployment_estimate& d) {
  const auto what = binding(wanted, d);
  if (what == "e2e")
    return formatted("request latency at least %.0f ms, the target is %.0f ms", d.request_latency_ms, wanted.latency_ms);
  if (what == "itl")
    return formatted("TPOT at least %.2f ms, the target is %.2f ms", d.tpot_ms, wanted.tpot_ms);
  return formatted("TTFT at least %.0f ms, the target is %.0f ms", d.ttft_ms, wanted.ttft_ms);
}

std::string why_not(const goal& wanted, const deployment_estimate& d, const deployment_estimate& pick) {
  if (!d.meets_target)
    return missed(wanted, d);
  switch (wanted.how) {
    case picking::latency:
      return formatted("TPOT %.2f ms, the pick has %.2f ms", d.tpot_ms, pick.tpot_ms);
    case picking::load_match:
      if (gpus_needed(wanted, d) > gpus_needed(wanted, pick))
        return formatted("needs %.0f GPUs for the load, the pick %.0f", gpus_needed(wanted, d), gpus_needed(wanted, pick));
      break;
    case picking::best:
    case picking::throughput:
    case picking::autoscale:
      break;
  }
  const double less = 1 - d.tokens_per_s_per_gpu / std::max(pick.tokens_per_s_per_gpu, 1e-9);
  if (less < 0) // the pick follows another rule than throughput
    return formatted("%.1f tokens/s/GPU at most, %.0f %% more than the pick, with a TPOT of %.2f ms", d.tokens_per_s_per_gpu,
                     -100 * less, d.tpot_ms);
  return formatted("%.1f tokens/s/GPU at most, %.0f %% less than the pick", d.tokens_per_s_per_gpu, 100 * less);
}

std::string why(const goal& wanted, const deployment_estimate& pick) {
  if (!pick.meets_target)
    return "nearest to the target: " + missed(wanted, pick);
  switch (wanted.how) {
    case picking::latency:
      return "lowest TPOT";
    case picking::throughput:
      return "most tokens/s/GPU";
    case picking::load_match:
      return formatted("fewest GPUs for the load: %.0f", gpus_needed(wanted, pick));
    case picking::autoscale:
      return "best pair of engines for a planner, which sets the replicas";
    case picking::best:
      break;
  }
  return "most tokens/s/GPU within the target";
}

/// The pick with as many units as the load needs, at the load that each then has.
void fit_to_load(const goal& wanted, const std::vector<const oracle*>& oracles, choice& result) {
  auto& pick = result.ranked.front();
  const double needed = units_needed(wanted, pick);
  result.gpus_needed = static_cast<int>(std::min(gpus_needed(wanted, pick), 1e9));
  const int units = static_cast<int>(std::min<double>(needed, pick.units));
  result.load_served = std::min(1.0, pick.units / needed);
  const auto asked =
      std::find_if(oracles.begin(), oracles.end(), [&](const auto* o) { return o->backend() == pick.backend; });
  if (asked == oracles.end())
    return;
  const double whole = wanted.concurrency > 0 ? wanted.concurrency : wanted.requests_per_s * pick.request_latency_ms / 1000;
  const double load = std::max(1.0, std::min(whole / units, pick.concurrency / pick.units));
  auto own = wanted;
  own.gpus = pick.gpus / pick.units * units;
  bool ok = false;
  auto fitted =
      pick.serving == serving_mode::aggregated
          ? estimate_aggregated(own, **asked, {pick.decode, pick.decode_replicas, pick.chunk_tokens}, load, units, ok)
          : estimate_disaggregated(own, **asked, {pick.prefill, pick.prefill_replicas, 0},
                                   {pick.decode, pick.decode_replicas, 0}, load, units, ok);
  if (!ok)
    return;
  const int ranks = pick.decode.attention_data_parallel() * pick.decode_replicas;
  fitted.batch = static_cast<int>(std::ceil(load / ranks));
  fitted.note = pick.note;
  pick = fitted;
}

} // namespace

bool same_configuration(const deployment_estimate& a, const deployment_estimate& b) {
  return a.backend == b.backend && a.serving == b.serving && a.decode == b.decode
         && (a.serving == serving_mode::aggregated || a.prefill == b.prefill);
}

choice choose_deployment(const comparison& compared, const std::vector<const oracle*>& oracles) {
  const auto& wanted = compared.wanted;
  choice result;
  result.ranked = ranking(compared);
  if (wanted.how == picking::autoscale) // a planner works on prefill and decode engines
    std::stable_partition(result.ranked.begin(), result.ranked.end(),
                          [](const deployment_estimate& d) { return d.serving == serving_mode::disaggregated; });
  if (result.ranked.empty()) {
    result.binding = "memory";
    return result;
  }
  const auto pick = result.ranked.front();
  for (auto& d : result.ranked)
    d.note = why_not(wanted, d, pick);
  result.ranked.front().note = why(wanted, pick);
  if (wanted.how == picking::load_match && pick.meets_target)
    fit_to_load(wanted, oracles, result);
  result.binding = binding(wanted, pick);
  if (result.binding.empty() && result.load_served < 1)
    result.binding = "load";
  result.feasible = result.binding.empty();
  return result;
}

} // namespace sextant::estimating
