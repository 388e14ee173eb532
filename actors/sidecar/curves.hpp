// curves.hpp: The planner's curves as a sidecar holds them: read, asked for the traffic that was seen, corrected.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/profile.hpp"
#include "messages/serving.hpp"

namespace sextant::sidecar {

/// Both curves of a profile (reference sheet, 7.3). Samples in any order.
struct planner_curves {
  std::vector<prefill_sample> prefill;
  std::vector<decode_sample> decode;
  int64_t max_kv_tokens = 0; ///< of one decode engine
};

/// Reads a results directory as planners do: `selected_*_interpolation/raw_data.npz`, else `prefill_raw_data.json` and
/// `decode_raw_data.json` (a mounted ConfigMap). Nothing, and `error` with path and reason, if that cannot be used.
std::optional<planner_curves> read_curves(const std::string& directory, std::string& error);

/// TTFT of the curve for a prompt, ms: straight lines between its points, the nearest end outside of them.
double ttft_at(const std::vector<prefill_sample>& curve, double isl);

/// ITL of the grid, ms: straight lines in KV usage within a context length, then between the neighbouring context lengths;
/// outside of the grid its nearest edge.
double itl_at(const std::vector<decode_sample>& grid, double kv_usage, double context);

/// Work of the deployment's parts beside each other.
struct replica_counts {
  int prefill = 1;
  int decode = 1;
};

/// Fills what the curves expect of the traffic of a window, and says in `remarks` why not where they cannot.
/// TTFT: the curve's time S for the uncached part of a prompt, and the wait before it in a queue of random arrivals and
/// equal service, S (1 + u / (2 (1 - u))), u = rate S / replicas (Pollaczek and Khinchine, M/D/1); above u = 0.8 nothing is
/// expected, the wait is then most of it. ITL: at the usage that the planner computes, requests decoding x context /
/// capacity, context = ISL + OSL / 2.
void expect(serving_observed& window, const planner_curves& curves, const replica_counts& replicas);

/// The curves with every latency multiplied, and throughput divided, by a ratio.
planner_curves corrected(planner_curves curves, double ttft_ratio, double itl_ratio);

} // namespace sextant::sidecar
