// value_sources.hpp: Options of the process from files and the environment, below those of the command line. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/command_line.hpp"

namespace sextant {

/// A file with options, as it was read.
struct options_file {
  std::string path;
  std::string text;
  bool private_to_owner = true; ///< nobody but its owner can read it; only then it may hold secrets
};

/// Where options come from that are not on the command line.
struct value_sources {
  std::vector<options_file> files; ///< later ones come before earlier ones
  std::function<std::optional<std::string>(const std::string& name)> variable;
};

/// Whether an option of a command may stand in a file or in the environment. What a request asks for may not: that is its
/// document, and flags.
bool is_setting(const option_row& row, uint32_t command);

/// The environment variable of an option: `SEXTANT_NODE_NAME` for `node-name`.
std::string variable_of(const option_row& row);

/// Gives a command line the options that it left out: from the environment, else from the command's section of a file, else
/// from the top level of a file, else the table's default stays. A file is a mapping of option names, with one more mapping
/// for each command that has options of its own:
///
///     nats: tls://nats.example:4222
///     agent:
///       gpus: 4
///
/// Whatever is wrong in a file is an error, whichever command it is for; in the environment what this command reads.
void fill_from(const value_sources& sources, command_line& line);

/// Every option of a command with its value and where that came from, one in a line; secrets are shown as `***`.
std::string settings_text(const command_line& line);
/// The same as JSON: an array of `{"option", "value", "from"}`.
std::string settings_json(const command_line& line);

} // namespace sextant
