// commands.hpp: The commands of the program. Each takes the parsed command line and returns the exit code.
#pragma once

#include <string>
#include <vector>

#include "config/command_line.hpp"

namespace sextant {

/// Exit codes of every command.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_bad_input = 2,
  exit_infeasible = 3,
  exit_interrupted = 130,
};

int run_profile(const command_line& args);
int run_estimate(const command_line& args);
int run_serve(const command_line& args);
int run_agent(const command_line& args);
int run_operator(const command_line& args);
int run_submit(const command_line& args);
int run_watch(const command_line& args);
int run_cancel(const command_line& args);
int run_results(const command_line& args);
int run_list(const command_line& args);
int run_nodes(const command_line& args);
int run_top(const command_line& args);
int run_drain(const command_line& args);
int run_pick(const command_line& args);

// Commands with flags of their own, with the names of the tools that they stand in for: the words behind the command.
int run_load(const std::vector<std::string>& words);
int run_profile_endpoint(const std::vector<std::string>& words);
int run_trace(const std::vector<std::string>& words);
int run_sidecar(const std::vector<std::string>& words);
int run_config(const std::vector<std::string>& words);

} // namespace sextant
