// main.cpp: `sextant`: reads the command line and runs one command.
#include <cstdio>
#include <map>
#include <string_view>

#include "tools/sextant/commands.hpp"
#include "tools/sextant/configuration.hpp"
#include "tools/sextant/estimate.hpp"
#include "tools/sextant/nats_access.hpp"
#include "tools/sextant/process.hpp"

int main(int argc, char** argv) {
  using namespace sextant;
  hold_signals();
  static const std::map<std::string_view, int (*)(const std::vector<std::string>&)> own_flags{
      {"load", run_load},
      {"profile-endpoint", run_profile_endpoint},
      {"trace", run_trace},
      {"sidecar", run_sidecar},
      {"config", run_config}};
  if (const auto command = argc > 1 ? own_flags.find(argv[1]) : own_flags.end(); command != own_flags.end())
    return command->second({argv + 2, argv + argc});
  auto args = parse_command_line(argc, argv);
  if (args.version) {
    printf("sextant %s\n", SEXTANT_VERSION);
    return exit_ok;
  }
  if (const auto command = own_flags.find(args.command); args.help && command != own_flags.end()) // `help load`
    return command->second({"--help"});
  if (args.help || (args.command.empty() && args.errors.empty())) {
    printf("%s", help_text(args.command).c_str());
    return exit_ok;
  }
  fill_from_process(args);
  auto errors = args.errors;
  const bool local = args.command == "pick" || args.command == "estimate"
                     || ((args.command == "profile" || args.command == "operator") && !args.has("nats"));
  if (!local)
    nats_access(args, errors);
  if (!errors.empty()) {
    if (args.command == "estimate")
      for (auto& error : check_estimate(args))
        errors.push_back(std::move(error));
    print_errors(errors);
    return exit_bad_input;
  }
  static const std::map<std::string, int (*)(const command_line&)> commands{
      {"profile", run_profile},   {"estimate", run_estimate}, {"serve", run_serve},   {"agent", run_agent},
      {"submit", run_submit},     {"watch", run_watch},       {"cancel", run_cancel}, {"results", run_results},
      {"list", run_list},         {"nodes", run_nodes},       {"top", run_top},       {"drain", run_drain},
      {"operator", run_operator}, {"pick", run_pick},
  };
  return commands.at(args.command)(args);
}
