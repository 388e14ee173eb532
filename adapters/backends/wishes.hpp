// wishes.hpp: What a request may ask of its deployments beyond model and mapping: overrides, environment, names, routing.
// Pure functions on documents.
#pragma once

#include <string>

#include "adapters/backends/yaml_tree.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Applies what concerns every deployment: `overrides.dgd`, `workerEnvs`, `overrides.trustRemoteCode`.
/// Returns an error text for overrides that do not fit the document, or nothing.
std::string apply_common_wishes(yaml_tree& dgd, const profile_request& request);

/// Applies what concerns the result only: its name, labels and annotations, and the router of the frontend.
void apply_final_wishes(yaml_tree& dgd, const profile_request& request);

/// Whether the result has a planner: always in v1alpha1, on request (`features.planner`) in v1beta1.
bool wants_planner(const profile_request& request);

/// Puts `change` over `target`: maps key by key, everything else is replaced.
void merge_over(yaml_tree& target, const yaml_tree& change);

} // namespace sextant
