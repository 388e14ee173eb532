// selection.hpp: The recommendation rule of the reference profiler (reference sheet, 6), and what stands beside the pick.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant::searching {

/// A measured point as the rule sees it.
struct scored_point {
  std::string engine;
  mapping layout;
  int concurrency = 1;
  double value_ms = 0;
  double low_ms = 0;
  double high_ms = 0;
  double throughput_per_gpu = 0;
  int64_t kv_tokens = 0;
};

/// The point of a measurement; `kv_tokens` is the capacity of its engine.
scored_point score(const point_measured& point, const mapping& layout, int64_t kv_tokens);

/// Index of the point that the rule picks: the highest throughput per GPU among points within the target (inclusive), the
/// first on ties; the lowest latency if there is none. Nothing without points.
std::optional<size_t> choose(const std::vector<scored_point>& points, double target_ms);

/// The pick of one phase with the reference's messages.
selected_engine select_engine(const std::vector<scored_point>& points, phase role, double target_ms);

/// Points that no other beats in both latency and throughput, without the pick; by latency.
std::vector<alternative> alternatives_to(const std::vector<scored_point>& points, phase role, const selected_engine& pick,
                                         double target_ms);

/// Picks both phases by the rule: engines, alternatives and what follows from them.
void select_by_rule(profile_result& result, const std::vector<scored_point>& prefill,
                    const std::vector<scored_point>& decode, const service_level& target);

/// Fills what follows from both picks: feasible, binding constraint, achievable target. Of a phase without any measurement
/// nothing is known to be achievable: its latency is 0.
void conclude(profile_result& result, const service_level& target);

} // namespace sextant::searching
