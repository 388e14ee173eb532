// nats_access.hpp: How the program reaches a NATS server and is let in.
#pragma once

#include <vector>

#include "adapters/nats/nats_bus.hpp"
#include "config/command_line.hpp"

namespace sextant {

/// Settings of `--nats` and everything that begins with `--nats-`. Unreadable files, foreign schemes, contradictions and
/// secrets on the command line are errors, all at once; a secret is in none of them.
nats_settings nats_access(const command_line& args, std::vector<document_error>& errors);

} // namespace sextant
