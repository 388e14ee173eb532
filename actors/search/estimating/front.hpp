// front.hpp: The Pareto front of deployments: tokens/s/GPU over tokens/s/user. Pure.
#pragma once

#include <vector>

#include "messages/profile.hpp"

namespace sextant::estimating {

/// Marks the deployments of which no other has both more tokens/s/GPU and more tokens/s/user, as `efficient`.
void mark_front(std::vector<deployment_estimate>& deployments);

/// The front, ascending in tokens/s/user.
std::vector<deployment_estimate> front_of(const std::vector<deployment_estimate>& deployments);

} // namespace sextant::estimating
