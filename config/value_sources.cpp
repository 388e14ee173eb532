// value_sources.cpp: Reads files of options and variables by the option table, and says what came from where.
#include "config/value_sources.hpp"

#include <algorithm>

#include "config/document.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"
#include "config/settings.hpp"

namespace sextant {

namespace {

constexpr uint32_t with_requests = command_profile | command_submit | command_estimate | command_pick;

/// Commands for which this option may stand in a file.
uint32_t settable_commands(const option_row& row) {
  return row.commands & ~row.flag_only & ~(row.request ? with_requests : 0U);
}

const option_row* row_of(std::string_view key) {
  const auto* row = find_option(key);
  return row && !key.starts_with("planner") ? row : nullptr;
}

std::vector<std::string> settable_names(uint32_t commands) {
  std::vector<std::string> names;
  for (const auto& row : options())
    if ((settable_commands(row) & commands) != 0)
      names.emplace_back(row.name);
  return names;
}

/// Walks one file: every key is checked, those that the command takes are kept.
class file_reader {
public:
  file_reader(const options_file& file, uint32_t command, command_line& line)
      : file_{file}, command_{command}, line_{line} {}

  void read(std::map<std::string, setting>& general, std::map<std::string, setting>& special) {
    const auto root = read_document(file_.text, file_.path, line_.errors);
    if (!root || root->kind == document_node::kinds::nothing)
      return;
    if (root->kind != document_node::kinds::mapping)
      return complain({}, *root, "", found_text(*root), "a mapping of options", "");
    for (std::size_t i = 0; i < root->keys.size(); ++i) {
      const auto& key = root->keys[i];
      const auto* section = find_command(key.text);
      if (!section || section->bit == 0) {
        read_option(key, root->items[i], key.text, command_any, general);
        continue;
      }
      const auto& node = root->items[i];
      if (node.kind != document_node::kinds::mapping)
        complain(key, node, key.text, found_text(node), "a mapping of options of this command", "");
      for (std::size_t j = 0; j < node.keys.size(); ++j)
        read_option(node.keys[j], node.items[j], key.text + "." + node.keys[j].text, section->bit, special);
    }
  }

private:
  void complain(const document_key& key, const document_node& node, const std::string& path, std::string found,
                std::string accepted, std::string hint) {
    line_.errors.push_back({file_.path, key.line > 0 ? key.line : node.line, key.line > 0 ? key.column : node.column, path,
                            std::move(found), std::move(accepted), std::move(hint)});
  }

  void read_option(const document_key& key, const document_node& node, const std::string& path, uint32_t commands,
                   std::map<std::string, setting>& into) {
    const auto* row = row_of(key.text);
    if (!row || (settable_commands(*row) & commands) == 0) {
      const auto nearest = nearest_name(key.text, settable_names(commands));
      return complain(key, node, path,
                      row && row->commands != 0 ? "an option that does not belong here" : "an unknown option",
                      "an option of the process",
                      row && row->request && (row->commands & with_requests) != 0 ? "write it into the request, or as a flag"
                      : nearest.empty() || row                                    ? ""
                                                                                  : "did you mean '" + nearest + "'?");
    }
    if (row->secret && !file_.private_to_owner)
      return complain(key, node, path, "a secret in a file that others can read",
                      "a file that only its owner can read (chmod 600)", "");
    if (node.kind != document_node::kinds::scalar)
      return complain(key, node, path, found_text(node), accepted_text(*row), "");
    // At the top a value is for whoever takes it; where this command does not, it only has to suit one that does.
    const auto others = row->or_none != 0 ? row->or_none : settable_commands(*row);
    const auto checked_for = commands != command_any ? commands : is_setting(*row, command_) ? command_ : others;
    std::string accepted, hint;
    const auto value = read_option_value(*row, checked_for, node.text, {}, accepted, hint);
    if (!value)
      return complain(key, node, path, row->secret ? "***" : "\"" + shown(node.text) + "\"", accepted, hint);
    if ((settable_commands(*row) & command_ & commands) != 0)
      into[std::string{row->name}] = {*value, {file_.path, key.line, key.column, path, {}, {}, {}}, false};
  }

  const options_file& file_;
  uint32_t command_;
  command_line& line_;
};

/// The value of an option in the environment, and the variable that holds it.
std::optional<std::pair<std::string, std::string>> from_environment(const option_row& row, const value_sources& sources) {
  for (const auto& name : {variable_of(row), std::string{row.variable}})
    if (const auto value = name.empty() ? std::nullopt : sources.variable(name); value && !value->empty())
      return std::pair{name, *value};
  return std::nullopt;
}

std::string shown_value(const option_row& row, const std::string& value) {
  if (row.secret && !value.empty())
    return "***";
  // A URL may carry a user and a password.
  const auto at = value.find('@');
  const auto scheme = value.find("://");
  if (scheme == std::string::npos || at == std::string::npos || at < scheme)
    return value;
  std::string result;
  for (std::size_t begin = 0; begin <= value.size();) {
    const auto end = std::min(value.find(',', begin), value.size());
    const auto one = value.substr(begin, end - begin);
    const auto host = one.find("://") == std::string::npos ? 0 : one.find("://") + 3;
    const auto last = one.rfind('@');
    result += last == std::string::npos ? one : one.substr(0, host) + "***" + one.substr(last);
    result += end < value.size() ? "," : "";
    begin = end + 1;
  }
  return result;
}

std::string origin_of(const command_line& line, const option_row& row, uint32_t command) {
  const std::string name{row.name};
  if (const auto found = line.origins.find(name); found != line.origins.end())
    return found->second;
  if (line.has(name))
    return "flag --" + name;
  return row.request && (command & with_requests) != 0 ? "default, below the request's document" : "default";
}

/// Calls `use(name, value, origin)` for every option of the line's command.
template <class Use>
void for_each_setting(const command_line& line, Use use) {
  const auto* command = find_command(line.command);
  if (!command)
    return;
  for (const auto& row : options())
    if ((row.commands & command->bit) != 0)
      use(std::string{row.name}, shown_value(row, line.value(row.name)), origin_of(line, row, command->bit));
  for (const auto& [name, value] : line.options)
    if (name.starts_with("planner-"))
      use(name, value, "flag --" + name);
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c == '\n' || c == '\t' ? ' ' : c;
  }
  return result + "\"";
}

} // namespace

bool is_setting(const option_row& row, uint32_t command) {
  return (settable_commands(row) & command) != 0;
}

std::string variable_of(const option_row& row) {
  std::string result = "SEXTANT_";
  for (char c : row.name)
    result += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return result;
}

void fill_from(const value_sources& sources, command_line& line) {
  const auto* command = find_command(line.command);
  if (!command || command->bit == 0)
    return;
  std::map<std::string, setting> filed;
  for (const auto& file : sources.files) {
    std::map<std::string, setting> general, special;
    file_reader{file, command->bit, line}.read(general, special);
    overlay(filed, std::move(general));
    overlay(filed, std::move(special));
  }
  for (const auto& row : options()) {
    const std::string name{row.name};
    if (!is_setting(row, command->bit) || line.has(name))
      continue;
    if (const auto given = from_environment(row, sources)) {
      std::string accepted, hint;
      if (const auto value = read_option_value(row, command->bit, given->second, {}, accepted, hint)) {
        line.options[name] = *value;
        line.origins[name] = "environment " + given->first;
      } else {
        line.errors.push_back(
            {given->first, 0, 0, "", row.secret ? "***" : "\"" + shown(given->second) + "\"", accepted, hint});
      }
    } else if (const auto found = filed.find(name); found != filed.end()) {
      line.options[name] = found->second.value;
      line.origins[name] = found->second.place.source + ":" + std::to_string(found->second.place.line);
    }
  }
}

std::string settings_text(const command_line& line) {
  std::size_t name_width = 6, value_width = 5;
  for_each_setting(line, [&](const std::string& name, const std::string& value, const std::string&) {
    name_width = std::max(name_width, name.size());
    value_width = std::max(value_width, std::min<std::size_t>(value.size(), 40));
  });
  const auto padded = [](std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text + "  ";
  };
  auto text = padded("OPTION", name_width) + padded("VALUE", value_width) + "FROM\n";
  for_each_setting(line, [&](const std::string& name, const std::string& value, const std::string& origin) {
    text += padded(name, name_width) + padded(value.empty() ? "-" : value, value_width) + origin + "\n";
  });
  return text;
}

std::string settings_json(const command_line& line) {
  std::string text;
  for_each_setting(line, [&](const std::string& name, const std::string& value, const std::string& origin) {
    text += (text.empty() ? "[\n  {\"option\": " : ",\n  {\"option\": ") + quoted(name) + ", \"value\": " + quoted(value)
            + ", \"from\": " + quoted(origin) + "}";
  });
  return text.empty() ? "[]\n" : text + "\n]\n";
}

} // namespace sextant
