// command_line.cpp: Takes arguments apart and hands the values to the same checks that documents go through.
#include "config/command_line.hpp"

#include <array>

#include "config/nearest.hpp"
#include "config/option_values.hpp"
#include "config/settings.hpp"

namespace sextant {

namespace {

constexpr std::array rows{
    command_row{"profile", command_profile, "REQUEST.yaml", "find and measure the best engine configuration"},
    command_row{"estimate", command_estimate, "[REQUEST.yaml]",
                "ask the performance model instead of engines: a whole search, or one point with --tp"},
    command_row{"serve", command_serve, "", "run the roles and take requests over NATS"},
    command_row{"agent", command_agent, "", "own this node's GPUs and run engines on them for searches elsewhere"},
    command_row{"operator", command_operator, "", "serve DynamoGraphDeploymentRequests of a cluster"},
    command_row{"submit", command_submit, "REQUEST.yaml", "hand a request to a running installation"},
    command_row{"watch", command_watch, "ID", "follow the events of a request"},
    command_row{"cancel", command_cancel, "ID", "take a request back"},
    command_row{"results", command_results, "ID", "fetch the results of a request"},
    command_row{"list", command_list, "", "list the requests of an installation"},
    command_row{"load", 0, "", "send traffic to an endpoint and report what it does; flags as AIPerf's"},
    command_row{"profile-endpoint", 0, "", "measure the curves of an endpoint that is already running"},
    command_row{"sidecar", 0, "", "watch a deployment that serves, and hold it against the planner's curves"},
    command_row{"trace", 0, "start|stop", "start or end a trace inside a running engine"},
    command_row{"nodes", command_nodes, "", "list the nodes of an installation and what they run"},
    command_row{"top", command_top, "", "watch nodes, GPUs and requests; in a pipe one picture of them"},
    command_row{"drain", command_drain, "NODE", "tell a node to take no more engines"},
    command_row{"config", 0, "show [COMMAND]", "say what every option of a command is and where that came from"},
    command_row{"pick", command_pick, "OUT_DIR", "choose again from stored results, for other targets"},
};

document_error line_error(std::string source, std::string found, std::string accepted, std::string hint = {}) {
  return {std::move(source), 0, 0, "", std::move(found), std::move(accepted), std::move(hint)};
}

/// One pass over the arguments after the command.
class argument_walk {
public:
  argument_walk(const std::vector<std::string>& arguments, const command_row& row, command_line& line)
      : arguments_{arguments}, bit_{row.bit}, wanted_{words(row.positionals).size()}, line_{line} {}

  void run(std::size_t first) {
    bool only_positionals = false;
    for (at_ = first; at_ < arguments_.size(); ++at_) {
      const auto& argument = arguments_[at_];
      if (!only_positionals && argument == "--")
        only_positionals = true;
      else if (!only_positionals && (argument == "-h" || argument == "--help"))
        line_.help = true;
      else if (!only_positionals && argument.starts_with("--"))
        take_option(argument.substr(2));
      else if (!only_positionals && argument.size() > 1 && argument[0] == '-')
        line_.errors.push_back(line_error(shown(argument), "an unknown option", "options that begin with two dashes"));
      else
        line_.positionals.push_back(argument);
    }
  }

private:
  void take_option(const std::string& text) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto match = match_option(name, bit_);
    if (!match.row) {
      refuse_name(name, match);
      // What follows an unknown option is most likely its value, not the document.
      if (equals == std::string::npos && value_follows())
        ++at_;
      return;
    }
    std::string value = "true";
    if (equals != std::string::npos)
      value = text.substr(equals + 1);
    else if (match.row->type == option_type::boolean)
      take_separate_boolean(value);
    else if (at_ + 1 < arguments_.size() && !arguments_[at_ + 1].starts_with("--"))
      value = arguments_[++at_];
    else {
      line_.errors.push_back(option_error(option_place::flag, match.name, "no value", accepted_text(*match.row), ""));
      return;
    }
    store(match.name, value);
  }

  /// `--dry-run false` is meant as it reads; any other word is left for what comes next.
  void take_separate_boolean(std::string& value) {
    if (at_ + 1 < arguments_.size() && (arguments_[at_ + 1] == "true" || arguments_[at_ + 1] == "false"))
      value = arguments_[++at_];
  }

  /// Whether the next word can be spared: the positionals are complete without it.
  bool value_follows() const {
    const auto plain = [&](std::size_t i) { return i < arguments_.size() && !arguments_[i].starts_with("-"); };
    return plain(at_ + 1) && (line_.positionals.size() >= wanted_ || plain(at_ + 2));
  }

  void refuse_name(const std::string& name, const option_match& match) {
    auto error = line_error("--" + shown(name), match.several.empty() ? "an unknown option" : "an ambiguous option", "");
    if (match.several.empty()) {
      error.accepted = "an option of this command, see --help";
      const auto nearest = nearest_name(name, option_names(bit_));
      const auto* elsewhere = find_option(name);
      error.hint = !nearest.empty()                        ? "did you mean '--" + nearest + "'?"
                   : elsewhere && elsewhere->commands != 0 ? "belongs to other commands"
                                                           : "";
    } else {
      for (const auto& candidate : match.several)
        error.accepted += (error.accepted.empty() ? "--" : ", --") + candidate;
    }
    line_.errors.push_back(std::move(error));
  }

  void store(const std::string& name, const std::string& value) {
    if (const auto* row = find_option(name); row && row->secret) {
      line_.errors.push_back(line_error("--" + name, "a secret on a command line",
                                        "the environment: " + std::string{row->variable},
                                        "command lines are read by everybody on the machine"));
      return;
    }
    reading out;
    // The last of several values counts, as with every command line.
    for (auto& [key, setting] : read_option_settings({{name, value}}, bit_, option_place::flag, out))
      line_.options[key] = setting.value;
    for (auto& error : out.errors)
      line_.errors.push_back(std::move(error));
  }

  const std::vector<std::string>& arguments_;
  uint32_t bit_;
  std::size_t wanted_;
  command_line& line_;
  std::size_t at_ = 0;
};

void check_positionals(const command_row& row, positionals rule, command_line& line) {
  const auto wanted = words(row.positionals);
  for (std::size_t i = line.positionals.size();
       rule == positionals::needed && i < wanted.size() && !wanted[i].starts_with('['); ++i)
    line.errors.push_back(line_error(line.command, "no " + wanted[i], line.command + " " + std::string{row.positionals}));
  for (std::size_t i = wanted.size(); i < line.positionals.size(); ++i)
    line.errors.push_back(line_error(line.command, "\"" + shown(line.positionals[i]) + "\" too many",
                                     line.command + (row.positionals.empty() ? "" : " ") + std::string{row.positionals}));
}

} // namespace

std::span<const command_row> commands() {
  return rows;
}

const command_row* find_command(std::string_view name) {
  for (const auto& row : rows)
    if (row.name == name)
      return &row;
  return nullptr;
}

std::string command_line::value(std::string_view name) const {
  if (const auto found = options.find(std::string{name}); found != options.end())
    return found->second;
  const auto* row = find_option(name);
  return row ? std::string{row->value} : std::string{};
}

std::map<std::string, std::string> command_line::request_options() const {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : options) {
    const auto* row = find_option(name);
    if (row && row->request && (row->commands & (command_profile | command_submit | command_estimate)) != 0)
      result[name] = value;
  }
  return result;
}

command_line parse_command_line(const std::vector<std::string>& arguments, positionals rule) {
  command_line line;
  if (arguments.empty() || arguments[0] == "-h" || arguments[0] == "--help" || arguments[0] == "help") {
    line.help = true;
    if (arguments.size() > 1 && arguments[0] == "help" && find_command(arguments[1]))
      line.command = arguments[1];
    return line;
  }
  if (arguments[0] == "--version") {
    line.version = true;
    return line;
  }
  const auto* row = find_command(arguments[0]);
  if (!row) {
    std::vector<std::string> names;
    std::string accepted;
    for (const auto& command : rows) {
      names.emplace_back(command.name);
      accepted += (accepted.empty() ? "one of " : ", ") + names.back();
    }
    const auto nearest = nearest_name(arguments[0], names);
    line.errors.push_back(line_error("command", "\"" + shown(arguments[0]) + "\"", accepted,
                                     nearest.empty() ? "" : "did you mean '" + nearest + "'?"));
    return line;
  }
  line.command = row->name;
  argument_walk{arguments, *row, line}.run(1);
  if (!line.help)
    check_positionals(*row, rule, line);
  return line;
}

command_line parse_command_line(int argc, const char* const* argv) {
  return parse_command_line(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}

void name_as_flags(std::vector<document_error>& errors) {
  constexpr std::string_view prefix = "options.";
  for (auto& error : errors)
    if (error.source == "options" && error.path.starts_with(prefix)) {
      error.source = "--" + error.path.substr(prefix.size());
      error.path.clear();
    } else if (error.source.starts_with(prefix)) {
      error.source = "--" + error.source.substr(prefix.size());
    }
}

} // namespace sextant
