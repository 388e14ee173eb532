// hosts.hpp: The host that a command line asks for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/simulation/engine_host.hpp"
#include "config/command_line.hpp"
#include "messages/request.hpp"

namespace sextant {

/// What a host decides about a request that was given on the command line: an endpoint has one mapping, on `--gpus` GPUs.
void settle_host_options(const command_line& args, submit_request& submission);

/// Makes the host of that kind with `gpus` GPUs; engines' logs go below `directory`, deployments into `name_space`. Nothing
/// and errors if it cannot work here.
std::shared_ptr<engine_host> make_host(const std::string& kind, const command_line& args, const std::string& directory,
                                       int gpus, const std::string& name_space, std::vector<document_error>& errors);

} // namespace sextant
