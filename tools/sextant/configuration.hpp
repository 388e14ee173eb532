// configuration.hpp: The files and variables of this process as sources of its options.
#pragma once

#include "config/command_line.hpp"

namespace sextant {

/// Gives a command line what it left out, from `--config-file` (else SEXTANT_CONFIG_FILE, else
/// /etc/sextant/config.yaml and the user's own sextant/config.yaml, where they are) and from the environment. A file that
/// was asked for and cannot be read is an error of the line, as is everything wrong in one.
void fill_from_process(command_line& line);

} // namespace sextant
