// commands.hpp: The commands of the program. Each takes the parsed command line and returns the exit code.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sextant {

/// Exit codes of every command.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_bad_input = 2,
  exit_infeasible = 3,
  exit_interrupted = 130,
};

/// A command line after parsing: everything valid, defaults not filled in.
struct arguments {
  std::string command;
  std::vector<std::string> positionals;
  std::map<std::string, std::string> options;  ///< canonical name without dashes -> value

  /// The value of an option, or the table's default.
  std::string value(const std::string& name) const;
  bool flag(const std::string& name) const;
};

int run_profile(const arguments& args);
int run_serve(const arguments& args);
int run_submit(const arguments& args);
int run_watch(const arguments& args);
int run_cancel(const arguments& args);
int run_results(const arguments& args);
int run_list(const arguments& args);
int run_pick(const arguments& args);

} // namespace sextant
