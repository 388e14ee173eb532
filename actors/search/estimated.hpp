// estimated.hpp: The answer of the performance model alone: deployments compared, engines chosen, curves, and no engine run.
#pragma once

#include <memory>

#include "actors/search/core.hpp"
#include "actors/search/estimating/choose.hpp"

namespace sextant {

/// What the performance model says of a request.
struct estimated_answer {
  profile_request request;         ///< with the back end that was chosen where `auto` was asked for
  estimating::comparison compared; ///< everything that was estimated
  estimating::choice chosen;
  std::vector<std::string> sources; ///< measured tables that answered for the pick; empty: formulas
  profile_result result;            ///< in the form of a profile's answer; `deployments` are the choice's, best first
};

/// Estimates a whole request. A v1alpha1 request gets its engines by the rule of the reference profiler (reference sheet,
/// 6), a v1beta1 request by the picking modes (18.3). `any_backend`: compare all back ends, if the request says `auto`.
estimated_answer estimate_request(const profile_request& request, bool any_backend,
                                  const performance::estimate_context& context);

/// The search of mode `estimated`, with the tables of this process: wants nothing but to be written.
std::unique_ptr<search_core> make_estimated_search(const profile_request& request);

} // namespace sextant
