// plan.cpp: Prompts, speeds, time-outs and the meaning of failures.
#include "actors/load/plan.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "adapters/simulation/prompts.hpp"
#include "messages/subjects.hpp"

namespace sextant::load {

namespace {

constexpr double shortest_step_s = 1.5e-3; ///< wall
constexpr double shortest_ttft_s = 40e-3;  ///< wall
constexpr double fastest = 1000;
constexpr double decode_lag_share = 0.20;   ///< of one step
constexpr double decode_value_share = 0.01; ///< of the steps of a request together: the error that lag at its ends may make
constexpr double prefill_lag_share = 0.05;  ///< of the TTFT
constexpr double enough_steps = 20;         ///< to believe their median
constexpr double many_steps = 300;          ///< to believe their 99th percentile
constexpr double clearly = 3;               ///< times the allowed lag
constexpr double wait_factor = 20;          ///< times the prediction
constexpr double shortest_wait_s = 30;
constexpr double unpredicted_wait_s = 600;

/// First prompt number of a series that no other (point, attempt, label) shares. Decode prompts count from 0, so the upper
/// half of the numbers is for these.
uint64_t fresh_prompts(const measure_point& work, const std::string& label) {
  const auto key =
      work.plan.point + '\n' + std::to_string(work.engine_attempt) + '\n' + std::to_string(work.attempt) + '\n' + label;
  return (1ull << 63) | (std::stoull(stable_hash(key), nullptr, 16) << 20 >> 1);
}

std::vector<traffic_request> series(uint64_t first_prompt, int count, int isl, int osl) {
  std::vector<traffic_request> out;
  for (int i = 0; i < count; ++i)
    out.push_back({first_prompt + static_cast<uint64_t>(i), static_cast<uint32_t>(i), isl, osl});
  return out;
}

/// Lag that a measured latency of this size allows, wall seconds.
double allowed_lag_s(const measure_point& work, double latency_ms, double speed) {
  const double wall_s = latency_ms / 1e3 / std::max(speed, 1e-9);
  const double share = work.plan.kind == point_kind::ttft
                           ? prefill_lag_share
                           : std::max(decode_lag_share, decode_value_share * (work.plan.osl - 1));
  return share * wall_s;
}

bool reuses_prompts(const point_plan& plan) {
  return plan.kind == point_kind::itl && plan.warm_prompts;
}

} // namespace

// -- traffic ------------------------------------------------------------------------------------------

std::vector<traffic_request> warmup_traffic(const measure_point& work) {
  const auto& plan = work.plan;
  const int osl = plan.kind == point_kind::itl ? std::max(1, plan.warm_osl) : plan.osl;
  return series(fresh_prompts(work, "warm-up"), plan.warmup_requests, plan.isl, osl);
}

std::vector<traffic_request> warming_traffic(const measure_point& work) {
  if (!reuses_prompts(work.plan))
    return {};
  return series(0, work.plan.requests, work.plan.isl, std::max(1, work.plan.warm_osl));
}

std::vector<traffic_request> wave_traffic(const measure_point& work, int wave, int replay) {
  const auto& plan = work.plan;
  const auto first =
      reuses_prompts(plan) ? 0 : fresh_prompts(work, "wave " + std::to_string(wave) + " replay " + std::to_string(replay));
  return series(first, plan.requests, plan.isl, plan.osl);
}

std::string prompt_json(uint64_t seed, uint64_t prompt, int isl) {
  std::string out;
  out.reserve(static_cast<size_t>(std::max(0, isl)) * 5);
  for (int i = 0; i < isl; ++i) {
    if (i > 0)
      out += ',';
    const auto token = prompt_token(seed, prompt, static_cast<uint64_t>(i)); // four digits by definition
    const char digits[4] = {static_cast<char>('0' + token / 1000 % 10), static_cast<char>('0' + token / 100 % 10),
                            static_cast<char>('0' + token / 10 % 10), static_cast<char>('0' + token % 10)};
    out.append(digits, sizeof digits);
  }
  return out;
}

std::string completion_body(std::string_view model, std::string_view prompt_ids, int osl) {
  const auto tokens = std::to_string(osl);
  std::string out = "{\"model\":" + nlohmann::json(model).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  out.reserve(out.size() + prompt_ids.size() + 200);
  out += ",\"prompt\":[";
  out += prompt_ids;
  out += "],\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":" + tokens
         + ",\"min_tokens\":" + tokens + ",\"ignore_eos\":true}";
  return out;
}

// -- time ---------------------------------------------------------------------------------------------

double playing_speed(const measure_point& work, const machine_share& share) {
  if (!work.simulated)
    return 1;
  if (work.simulation_speed > 0)
    return work.simulation_speed;
  const double ttft_s = work.expected_ttft_ms / 1e3, itl_s = work.expected_itl_ms / 1e3;
  const bool decodes = work.plan.kind == point_kind::itl || work.plan.burst_ratio > 1;
  double speed = fastest;
  bool known = false;
  if (work.plan.kind == point_kind::ttft && ttft_s > 0) {
    known = true;
    speed = std::min(speed, ttft_s / shortest_ttft_s);
  }
  if (decodes && itl_s > 0) {
    known = true;
    const int decoding = work.plan.kind == point_kind::itl ? work.plan.concurrency : std::max(1, work.plan.attention_dp);
    speed = std::min({speed, itl_s / shortest_step_s, share.events_per_s * itl_s / std::max(1, decoding)});
  }
  return known ? speed * share.pace : 1;
}

double warming_speed(const measure_point& work) {
  if (!work.simulated)
    return 1;
  return work.simulation_speed > 0 ? work.simulation_speed : fastest;
}

namespace {

/// The part of the lag that changes what is measured. All steps of a decode wave are late by the same time that handing out
/// its tokens takes; that cancels in the gaps between tokens, so only what goes beyond it counts.
double harmful_lag_s(const measure_point& work, const playing_lag& lag) {
  return work.plan.kind == point_kind::itl ? lag.p99_s - lag.p50_s : lag.p99_s;
}

} // namespace

bool played_too_late(const measure_point& work, const playing_lag& lag, double measured_ms, double speed) {
  const double allowed_s = allowed_lag_s(work, measured_ms, speed);
  return allowed_s > 0 && harmful_lag_s(work, lag) > allowed_s;
}

bool clearly_too_late(const measure_point& work, const playing_lag& lag, double speed) {
  const double expected_ms = work.plan.kind == point_kind::ttft ? work.expected_ttft_ms : work.expected_itl_ms;
  const double allowed_s = allowed_lag_s(work, expected_ms, speed);
  if (allowed_s <= 0)
    return false;
  const bool mostly = work.plan.kind == point_kind::ttft && lag.steps >= enough_steps && lag.p50_s > allowed_s;
  return mostly || (lag.steps >= many_steps && harmful_lag_s(work, lag) > clearly * allowed_s);
}

int64_t request_timeout_ns(const measure_point& work, double speed) {
  const auto& plan = work.plan;
  // A request may stand behind all others in the queue.
  const double expected_s =
      (work.expected_ttft_ms * std::max(1, plan.concurrency) + work.expected_itl_ms * std::max(1, plan.osl)) / 1e3;
  const double wait_s =
      expected_s > 0 ? std::max(shortest_wait_s, wait_factor * expected_s / std::max(speed, 1e-9)) : unpredicted_wait_s;
  return static_cast<int64_t>(std::min(wait_s, 86'400.0) * 1e9);
}

// -- failures -----------------------------------------------------------------------------------------

std::optional<failure> judge(const std::vector<request_fault_class>& faults, const std::string& first_error) {
  const auto count = [&](request_fault_class kind) {
    return static_cast<size_t>(std::count(faults.begin(), faults.end(), kind));
  };
  const auto fail = [&](failure_class kind, failure_cause cause, const std::string& what) {
    return failure{kind, cause, what + ": " + first_error, {}};
  };
  if (faults.empty())
    return std::nullopt;
  if (count(request_fault_class::refused) > 0)
    return fail(failure_class::transient, failure_cause::engine_gone, "the engine takes no connections");
  if (count(request_fault_class::none) > 0)
    return std::nullopt;
  const auto all = std::to_string(faults.size());
  if (count(request_fault_class::reset) > 0)
    return fail(failure_class::transient, failure_cause::engine_gone,
                "all " + all + " requests failed and connections broke");
  if (count(request_fault_class::client_error) == faults.size())
    return fail(failure_class::permanent, failure_cause::unsupported, "the engine refuses all " + all + " requests");
  return fail(failure_class::transient, failure_cause::request_failed, "all " + all + " requests failed");
}

} // namespace sextant::load
