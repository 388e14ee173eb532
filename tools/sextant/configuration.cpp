// configuration.cpp: `sextant config show`, and where every command's options come from beside its command line.
#include "tools/sextant/configuration.hpp"

#include <cstdio>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "config/value_sources.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

std::optional<std::string> variable(const std::string& name) {
  const char* text = std::getenv(name.c_str());
  return text ? std::optional<std::string>{text} : std::nullopt;
}

void read_file(const std::string& path, value_sources& sources, command_line& line) {
  std::string error;
  auto text = read_text(path, error);
  if (!text) {
    line.errors.push_back({"--config-file", 0, 0, "", error, "a YAML file with options, or none", ""});
    return;
  }
  struct stat facts {};
  const bool is_private = ::stat(path.c_str(), &facts) == 0 && (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  sources.files.push_back({path, std::move(*text), is_private});
}

void read_files(value_sources& sources, command_line& line) {
  const auto named = line.has("config-file") ? line.value("config-file") : variable("SEXTANT_CONFIG_FILE").value_or("");
  if (!named.empty()) {
    if (named != "none")
      read_file(named, sources, line);
    return;
  }
  const auto own = variable("XDG_CONFIG_HOME");
  const auto home = variable("HOME");
  std::vector<std::string> places{"/etc/sextant/config.yaml"};
  if (own && !own->empty())
    places.push_back(*own + "/sextant/config.yaml");
  else if (home && !home->empty())
    places.push_back(*home + "/.config/sextant/config.yaml");
  for (const auto& path : places)
    if (::access(path.c_str(), F_OK) == 0)
      read_file(path, sources, line);
}

constexpr const char* usage =
    "usage: sextant config show [--json] COMMAND [OPTIONS]\n\n"
    "Says what every option of a command would be, and where that came from: a flag, the environment, a file, or the\n"
    "default. Starts nothing and connects to nothing. Whatever is wrong is listed, and the exit code is 2 then.\n";

} // namespace

void fill_from_process(command_line& line) {
  value_sources sources;
  sources.variable = variable;
  read_files(sources, line);
  fill_from(sources, line);
}

int run_config(const std::vector<std::string>& words) {
  size_t at = !words.empty() && words[0] == "show" ? 1 : 0;
  const bool json = at < words.size() && words[at] == "--json";
  at += json ? 1 : 0;
  const bool asked =
      !words.empty() && (words[0] == "--help" || words[0] == "-h" || (at < words.size() && words[at] == "--help"));
  const auto* command = at < words.size() ? find_command(words[at]) : nullptr;
  if (asked || words.empty() || words[0] != "show" || !command || command->bit == 0) {
    fputs(usage, asked ? stdout : stderr);
    if (command && command->bit == 0)
      fprintf(stderr, "\n%s has flags of its own: sextant %s --help\n", words[at].c_str(), words[at].c_str());
    return asked ? exit_ok : exit_bad_input;
  }
  auto line = parse_command_line(std::vector<std::string>(words.begin() + static_cast<std::ptrdiff_t>(at), words.end()),
                                 positionals::may_lack);
  fill_from_process(line);
  if (!line.errors.empty()) {
    print_errors(line.errors);
    return exit_bad_input;
  }
  fputs((json ? settings_json(line) : settings_text(line)).c_str(), stdout);
  return exit_ok;
}

} // namespace sextant
