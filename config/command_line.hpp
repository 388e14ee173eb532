// command_line.hpp: What a person typed, checked against the option table; help and documentation from the same table.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "messages/request.hpp"

namespace sextant {

/// A command of the program.
struct command_row {
  std::string_view name;
  uint32_t bit;                 ///< 0: has flags of its own, read elsewhere
  std::string_view positionals; ///< as help shows them: `REQUEST.yaml`, `ID`; `[ID]` may be left out
  std::string_view help;
};

/// All commands, in the order of help.
std::span<const command_row> commands();

/// A command line taken apart. Anything wrong is in `errors`; the rest is as far as it could be understood.
struct command_line {
  std::string command; ///< empty if none was given
  bool help = false;
  bool version = false;
  std::vector<std::string> positionals;
  std::map<std::string, std::string> options; ///< canonical option name -> canonical value, only what was given
  std::map<std::string, std::string>
      origins; ///< where an option was given other than on the command line, as people read it
  std::vector<document_error> errors;

  /// As given, else the default of the table; empty if there is neither.
  std::string value(std::string_view name) const;
  bool flag(std::string_view name) const { return value(name) == "true"; }
  bool has(std::string_view name) const { return options.count(std::string{name}) != 0; }
  /// The options that belong into a `submit_request`.
  std::map<std::string, std::string> request_options() const;
};

/// Whether a command line is complete without the documents and ids it is about.
enum class positionals : uint8_t { needed, may_lack };

/// Takes a command line apart; `arguments` is without the program's name.
command_line parse_command_line(const std::vector<std::string>& arguments, positionals rule = positionals::needed);
command_line parse_command_line(int argc, const char* const* argv);

/// A command by its name; null if there is none.
const command_row* find_command(std::string_view name);

/// Names options of a submission in errors as the flags they were typed as: `options.ttft` becomes `--ttft`.
void name_as_flags(std::vector<document_error>& errors);

/// Help of one command, or of the whole program for an empty name.
std::string help_text(std::string_view command);

/// The option table as Markdown, the text of OPTIONS.md.
std::string options_markdown();

} // namespace sextant
