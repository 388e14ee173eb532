// yaml_tree.cpp: Reading with yaml-cpp, writing by hand: its emitter leaves strings unquoted that look like numbers.
#include "adapters/backends/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

#include <yaml-cpp/yaml.h>

namespace sextant {

namespace {

// Aliases share nodes, so a small text may describe a huge tree: both bounds hold for every document.
constexpr int max_depth = 64;
constexpr int max_nodes = 100000;

bool is_null_word(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

struct reader {
  int nodes = 0;
  std::string error;

  yaml_tree read(const YAML::Node& node, int depth) {
    if (++nodes > max_nodes || depth > max_depth) {
      error = nodes > max_nodes ? "more than 100000 values" : "nested deeper than 64 levels";
      return {};
    }
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return read_scalar(node);
      case YAML::NodeType::Sequence: {
        auto result = yaml_tree::list();
        for (const auto& item : node) {
          if (!error.empty())
            break;
          result.append(read(item, depth + 1));
        }
        return result;
      }
      case YAML::NodeType::Map:
        return read_map(node, depth);
      default:
        return {};
    }
  }

  yaml_tree read_map(const YAML::Node& node, int depth) {
    auto result = yaml_tree::map();
    for (const auto& entry : node) {
      if (!error.empty())
        break;
      if (!entry.first.IsScalar()) {
        error = "line " + std::to_string(entry.first.Mark().line + 1) + ": keys must be texts";
        break;
      }
      result[entry.first.Scalar()] = read(entry.second, depth + 1);
    }
    return result;
  }

  static yaml_tree read_scalar(const YAML::Node& node) {
    // yaml-cpp marks quoted scalars with the tag "!".
    if (node.Tag() == "!" || !reads_as_other_type(node.Scalar()))
      return node.Scalar();
    if (is_null_word(node.Scalar()))
      return {};
    return yaml_tree::plain(node.Scalar());
  }
};

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

std::string double_quoted(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\x";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + "\"";
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'')
      out += c;
  }
  return out + "'";
}

bool safe_plain(std::string_view text) {
  if (reads_as_other_type(text) || !printable(text) || text.front() == ' ' || text.back() == ' ' || text.back() == ':')
    return false;
  // A dash starts a list item only before a blank: flags stay as they are.
  const bool dash = text.front() == '-' && (text.size() == 1 || text[1] == ' ' || text.starts_with("---"));
  if (dash || std::string_view{"!&*?:,[]{}#|>@`\"'%"}.find(text.front()) != std::string_view::npos)
    return false;
  return text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos;
}

std::string scalar_text(const yaml_tree& value) {
  if (value.type() == yaml_tree::kind::null)
    return "null";
  if (value.type() == yaml_tree::kind::plain || safe_plain(value.scalar()))
    return value.scalar();
  const auto& text = value.scalar();
  // Single quotes keep JSON readable; they cannot carry control characters.
  if (printable(text) && text.find('"') != std::string::npos)
    return single_quoted(text);
  return double_quoted(text);
}

// A literal block needs lines that indentation detection and line folding leave alone.
bool fits_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n')
    return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == '\n' || (c >= 0x20 && c != 0x7f); });
}

struct writer {
  std::string out;

  void write_block(std::string_view text, int indent) {
    const bool ends = text.back() == '\n';
    const bool several = ends && text.size() > 1 && text[text.size() - 2] == '\n';
    out += several ? " |+\n" : ends ? " |\n" : " |-\n";
    size_t from = 0;
    while (from < text.size()) {
      const auto end = std::min(text.find('\n', from), text.size());
      if (end > from)
        out += std::string(indent, ' ');
      out += std::string{text.substr(from, end - from)} + "\n";
      from = end + 1;
    }
  }

  // Writes what follows `key:` or `-`, and the line's end.
  void write_value(const yaml_tree& value, int indent, bool in_list) {
    if (value.is_map() && !value.entries().empty()) {
      out += in_list ? " " : "\n";
      write_map(value, indent, in_list);
    } else if (value.is_list() && !value.items().empty()) {
      out += "\n";
      write_list(value, in_list ? indent : indent - 2);
    } else if (value.is_map()) {
      out += " {}\n";
    } else if (value.is_list()) {
      out += " []\n";
    } else if (value.is_text() && fits_block(value.scalar())) {
      write_block(value.scalar(), indent);
    } else {
      out += " " + scalar_text(value) + "\n";
    }
  }

  void write_map(const yaml_tree& value, int indent, bool first_is_placed) {
    for (const auto& [key, child] : value.entries()) {
      if (!first_is_placed)
        out += std::string(indent, ' ');
      first_is_placed = false;
      out += scalar_text(yaml_tree{key}) + ":";
      write_value(child, indent + 2, false);
    }
  }

  void write_list(const yaml_tree& value, int indent) {
    for (const auto& item : value.items()) {
      out += std::string(indent, ' ') + "-";
      write_value(item, indent + 2, true);
    }
  }
};

} // namespace

yaml_tree yaml_tree::list(std::vector<yaml_tree> items) {
  yaml_tree result;
  result.kind_ = kind::list;
  result.items_ = std::move(items);
  return result;
}

yaml_tree yaml_tree::texts(const std::vector<std::string>& items) {
  auto result = list();
  for (const auto& item : items)
    result.items_.emplace_back(item);
  return result;
}

yaml_tree yaml_tree::map(std::vector<std::pair<std::string, yaml_tree>> entries) {
  yaml_tree result;
  result.kind_ = kind::map;
  result.entries_ = std::move(entries);
  return result;
}

yaml_tree yaml_tree::plain(std::string_view written) {
  yaml_tree result;
  result.kind_ = kind::plain;
  result.scalar_ = written;
  return result;
}

yaml_tree* yaml_tree::find(std::string_view key) {
  for (auto& [name, value] : entries_)
    if (name == key)
      return &value;
  return nullptr;
}

const yaml_tree* yaml_tree::find(std::string_view key) const {
  return const_cast<yaml_tree*>(this)->find(key);
}

std::string yaml_tree::text_at(std::string_view key) const {
  const auto* value = find(key);
  return value ? value->scalar_ : std::string{};
}

yaml_tree& yaml_tree::operator[](std::string_view key) {
  if (kind_ != kind::map)
    *this = map();
  if (auto* value = find(key))
    return *value;
  return entries_.emplace_back(std::string{key}, yaml_tree{}).second;
}

void yaml_tree::erase(std::string_view key) {
  std::erase_if(entries_, [key](const auto& entry) { return entry.first == key; });
}

void yaml_tree::append(yaml_tree item) {
  if (kind_ != kind::list)
    *this = list();
  items_.push_back(std::move(item));
}

std::vector<std::string> yaml_tree::scalars() const {
  std::vector<std::string> result;
  for (const auto& item : items_)
    result.push_back(item.scalar_);
  return result;
}

std::vector<yaml_tree> parse_yaml(const std::string& text, std::string& error) {
  std::vector<yaml_tree> result;
  try {
    reader r;
    for (const auto& document : YAML::LoadAll(text)) {
      auto value = r.read(document, 0);
      if (!r.error.empty()) {
        error = r.error;
        return {};
      }
      if (value.type() != yaml_tree::kind::null)
        result.push_back(std::move(value));
    }
  } catch (const YAML::Exception& e) {
    error = e.mark.is_null()
                ? e.msg
                : "line " + std::to_string(e.mark.line + 1) + ", column " + std::to_string(e.mark.column + 1) + ": " + e.msg;
    return {};
  }
  return result;
}

std::string write_yaml(const yaml_tree& document) {
  writer w;
  if (document.is_map() && !document.entries().empty())
    w.write_map(document, 0, false);
  else if (document.is_list() && !document.items().empty())
    w.write_list(document, 0);
  else
    w.out = (document.is_map() ? "{}" : document.is_list() ? "[]" : scalar_text(document)) + "\n";
  return w.out;
}

bool reads_as_other_type(std::string_view text) {
  if (is_null_word(text))
    return true;
  static constexpr std::array<std::string_view, 8> booleans{"y", "n", "yes", "no", "true", "false", "on", "off"};
  std::string lower{text};
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::find(booleans.begin(), booleans.end(), lower) != booleans.end())
    return true;
  if (lower == ".nan" || lower == ".inf" || lower == "-.inf" || lower == "+.inf" || text == "=" || text == "<<")
    return true;
  if (text.size() > 64
      || (!std::isdigit(static_cast<unsigned char>(text[0])) && text[0] != '-' && text[0] != '+' && text[0] != '.'))
    return false;
  // Integers in all bases, floats, base 60, dates and times: whatever any reader of either version would convert.
  static const std::regex converted{R"([-+]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+)|)"
                                    R"([-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|)"
                                    R"([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|)"
                                    R"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?)"};
  return std::regex_match(text.begin(), text.end(), converted);
}

} // namespace sextant
