// choose.hpp: The pick, the runners-up, and one line for every other configuration that says why not. Pure.
#pragma once

#include <string>
#include <vector>

#include "actors/search/estimating/compare.hpp"

namespace sextant::estimating {

/// What comes out of a comparison.
struct choice {
  /// Best first: the pick, then every other configuration (engines and how they share the work) with its best load; `note`
  /// says why it is where it is. Empty if no engine fits.
  std::vector<deployment_estimate> ranked;
  bool feasible = false;  ///< the pick is within the target and serves the load
  std::string binding;    ///< what is not met: `ttft`, `itl`, `e2e`, `load`, `memory`
  double load_served = 1; ///< share of a given load
  int gpus_needed = 0;    ///< for the whole of a given load
};

choice choose_deployment(const comparison& compared, const std::vector<const oracle*>& oracles);

/// Whether two deployments are the same configuration: back end, engines, and who does what.
bool same_configuration(const deployment_estimate& a, const deployment_estimate& b);

} // namespace sextant::estimating
