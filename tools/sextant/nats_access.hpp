// nats_access.hpp: How the program reaches a NATS server and is let in: flags for what is no secret, the environment for
// what is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adapters/nats/nats_bus.hpp"
#include "config/command_line.hpp"

namespace sextant {

/// Value of an environment variable; empty if there is none.
using environment = std::function<std::string(const char* name)>;

/// The environment of this process.
std::string from_process(const char* name);

/// Settings of `--nats`, `--nats-ca`, `--nats-creds`, `--nats-cert`, `--nats-key` and of NATS_CA, NATS_CREDS, NATS_CERT and
/// NATS_KEY where a flag is missing; NATS_USER, NATS_PASSWORD and NATS_TOKEN come from the environment alone, so that no
/// secret is on a command line. Unreadable files, foreign schemes and contradictions are errors, all at once; a secret is in
/// none of them.
nats_settings nats_access(const command_line& args, const environment& variables, std::vector<document_error>& errors);

} // namespace sextant
