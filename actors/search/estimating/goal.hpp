// goal.hpp: What a deployment is to be good at: the picking modes of the reference (profiler sheet, 18.3). Pure.
#pragma once

#include <string>

#include "messages/profile.hpp"

namespace sextant::estimating {

/// How the pick is made.
enum class picking : uint8_t {
  best,       ///< most tokens/s/GPU within the target
  load_match, ///< fewest GPUs that serve a given load within the target
  autoscale,  ///< a planner sets the replicas: the best pair of one prefill and one decode engine
  throughput, ///< most tokens/s/GPU, no target
  latency,    ///< lowest latency, no target
};

/// Name of a picking mode, for people and JSON.
std::string name_of(picking how);

/// What is wanted of a deployment. Times in ms; 0: no such target.
struct goal {
  picking how = picking::best;
  int isl = 0, osl = 0;  ///< tokens
  int cached_tokens = 0; ///< of every prompt, in the prefix cache
  double ttft_ms = 0;
  double tpot_ms = 0;
  double latency_ms = 0;     ///< send to last token, instead of the two others
  double concurrency = 0;    ///< load to be served, requests in flight
  double requests_per_s = 0; ///< load to be served, arrivals
  int gpus = 8;              ///< that may be used
};

/// The goal of a request: a planner means `autoscale`, a load `load_match`, an objective without target the last two.
goal goal_of(const profile_request& request);

/// Whether a deployment is within the target.
bool meets(const goal& wanted, const deployment_estimate& deployment);

/// The worst of latency over target; at most 1 within the target, 0 without any.
double excess(const goal& wanted, const deployment_estimate& deployment);

/// What a deployment exceeds most: `ttft`, `itl` or `e2e`; empty within the target.
std::string binding(const goal& wanted, const deployment_estimate& deployment);

} // namespace sextant::estimating
