// option_docs.cpp: Help and documentation, written from the option table.
#include <algorithm>
#include <array>

#include "config/command_line.hpp"
#include "config/planner_config.hpp"

namespace sextant {

namespace {

std::string default_text(const option_row& row) {
  if (row.value.empty())
    return {};
  return std::string{row.value} + (row.unit.empty() ? "" : " " + std::string{row.unit});
}

/// Appends words, broken before the line is longer than `width`; every further line begins with `indent` blanks.
void append_wrapped(std::string& text, const std::string& sentence, std::size_t indent, std::size_t width) {
  std::size_t column = text.size() - (text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  bool first = true;
  for (const auto& word : words(sentence)) {
    if (!first && column + 1 + word.size() > width) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
      first = true;
    }
    text += (first ? "" : " ") + word;
    column += word.size() + (first ? 0 : 1);
    first = false;
  }
  text += "\n";
}

std::string whole_help() {
  std::string text =
      "sextant finds the engine configuration that serves the most tokens per GPU within a latency target.\n\n"
      "usage: sextant COMMAND [ARGUMENTS] [OPTIONS]\n\ncommands:\n";
  for (const auto& row : commands()) {
    auto left = "  " + std::string{row.name} + " " + std::string{row.positionals};
    left.resize(std::max<std::size_t>(left.size() + 1, 26), ' ');
    text += left + std::string{row.help} + "\n";
  }
  return text
         + "\n`sextant COMMAND --help` lists the options of a command.\n"
           "exit codes: 0 done, 1 failed, 2 refused, 3 no configuration meets the target\n";
}

/// A path as documents are read: `$` is the profiler's own configuration.
std::string path_text(std::string path) {
  if (path.starts_with('~'))
    path.erase(0, 1);
  return "`" + (path.starts_with('$') ? path.substr(1) : path) + "`";
}

std::string paths_text(std::string_view paths) {
  std::string text;
  for (const auto& path : words(paths))
    text += (text.empty() ? "" : ", ") + path_text(path);
  return text;
}

std::string commands_text(uint32_t bits) {
  std::string text;
  for (const auto& row : commands())
    if ((bits & row.bit) != 0)
      text += (text.empty() ? "" : ", ") + std::string{row.name};
  return text;
}

std::string markdown_row(const option_row& row, const std::string& flag, bool with_paths) {
  auto text = "| `" + flag + "` | " + accepted_text(row) + " | " + default_text(row);
  if (!row.beta_value.empty())
    text += (row.value.empty() ? "v1beta1: " : "; v1beta1: ") + std::string{row.beta_value};
  if (with_paths)
    text += " | " + paths_text(row.alpha) + " | " + paths_text(row.beta) + " | " + commands_text(row.commands) + " | "
            + std::string{row.help};
  return text + " |\n";
}

} // namespace

void append_option_help(std::string& text, const std::string& name, const option_row& row) {
  constexpr std::size_t indent = 8, width = 100;
  if (row.secret)
    return append_wrapped(text += "  " + std::string{row.variable} + " in the environment\n" + std::string(indent, ' '),
                          std::string{row.help} + "; " + accepted_text(row), indent, width);
  text += "  --" + name;
  for (const auto& alias : words(row.aliases))
    text += ", --" + alias;
  text += row.type == option_type::boolean ? "\n" : " VALUE\n";
  text += std::string(indent, ' ');
  auto sentence = std::string{row.help};
  if (!sentence.empty())
    sentence += "; ";
  sentence += accepted_text(row);
  if (!row.value.empty())
    sentence += " [" + default_text(row) + "]";
  append_wrapped(text, sentence, indent, width);
}

std::string help_text(std::string_view command) {
  const auto all = commands();
  const auto row = std::find_if(all.begin(), all.end(), [&](const auto& x) { return x.name == command; });
  if (row == all.end())
    return whole_help();
  auto text = "usage: sextant " + std::string{row->name}
              + (row->positionals.empty() ? "" : " " + std::string{row->positionals}) + " [OPTIONS]\n\n"
              + std::string{row->help} + "\n\noptions (dashes and underscores are the same, unique beginnings suffice):\n";
  for (const auto& option : options())
    if ((option.commands & row->bit) != 0)
      append_option_help(text, std::string{option.name}, option);
  if ((row->bit & (command_profile | command_submit | command_estimate)) != 0)
    text += "  --planner-ARGUMENT VALUE\n        passed to the planner; see OPTIONS.md for its arguments\n";
  return text;
}

std::string options_markdown() {
  std::string text =
      "# Options\n\n"
      "Written by `options_markdown()` from the option table; a test holds this file against it.\n\n"
      "Values: defaults, overridden by the document, overridden by `--profile-config`, overridden by options. Options of "
      "the "
      "process\n"
      "(not of the request) may also stand in a file and in the environment: `sextant config show COMMAND` says what came "
      "from "
      "where, and\n"
      "docs/configuration.md how. Flags take "
      "dashes or\n"
      "underscores, and any unique beginning. Document keys of `spec.profilingConfig.config` (here without that prefix) are "
      "camelCase or\n"
      "snake_case. Numbers are decimal, in quotes or not; `010`, `0x10`, `1_000`, NaN and infinity are refused. Whole "
      "numbers may be\n"
      "written `3000.0` or `3e3`. Booleans are true/false, yes/no, on/off. A value that this version does not use is kept "
      "in the\n"
      "request's `extra`.\n\n"
      "| option | accepts | default | v1alpha1 | v1beta1 | commands | meaning |\n|---|---|---|---|---|---|---|\n";
  for (const auto& row : options())
    if (row.commands != 0)
      text += markdown_row(row, row.secret ? std::string{row.variable} : "--" + std::string{row.name}, true);
  text += "\n## Only in documents\n\n| name in `extra` | accepts | default | v1alpha1 | v1beta1 | commands | meaning "
          "|\n|---|---|---|---|---|---|---|\n";
  for (const auto& row : options())
    if (row.commands == 0)
      text += markdown_row(row, std::string{row.name}, true);
  text += "\n## Planner arguments\n\nAs `--planner-NAME`, or in `planner` as `planner_name` or `plannerName`; passed to the "
          "planner of the "
          "final deployment.\n\n| option | accepts | planner's default |\n|---|---|---|\n";
  for (const auto& row : planner_arguments())
    text += markdown_row(row, "--planner-" + std::string{row.name}, false);
  text += "\n## The planner's own configuration\n\nIn `spec.features.planner` of v1beta1. Older spellings of a key are "
          "accepted, "
          "too; null leaves a key unset.\n\n| key | older | accepts |\n|---|---|---|\n";
  for (const auto& row : planner_config_keys())
    text += "| `" + std::string{row.name} + "` | " + std::string{row.aliases} + " | " + accepted_text(row) + " |\n";
  return text;
}

} // namespace sextant
