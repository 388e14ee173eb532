// endpoint_host.hpp: The host for engines that run already: nothing is started, nothing is ended.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/simulation/engine_host.hpp"

namespace sextant {

/// Hands out endpoints as engines, each to one at a time. An endpoint is ready when it lists the request's model, or only
/// one; its capacity is what `/metrics` tells, else the memory model's. URLs must be valid http or https URLs.
std::unique_ptr<engine_host> make_endpoint_host(const std::vector<std::string>& urls);

} // namespace sextant
