// arguments.cpp: Splitting, searching and changing argument lists.
#include "adapters/backends/arguments.hpp"

#include <algorithm>
#include <cctype>

namespace sextant {

namespace {

bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// Unquoted tokens that end a command or redirect it: arguments must stand before them.
bool ends_command(std::string_view raw) {
  return raw == "|" || raw == "||" || raw == "&" || raw == "&&" || raw == ";" || raw == "\n" || raw == ">" || raw == ">>"
         || raw == "<" || raw.starts_with("2>") || raw.starts_with("1>") || raw.starts_with("&>") || raw.starts_with(">");
}

bool is_json(std::string_view text) {
  return text.starts_with("{") || text.starts_with("[");
}

bool has_blank(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_blank);
}

bool is_value_behind(std::string_view before, std::string_view arg) {
  return before.starts_with("--") && before.find('=') == std::string_view::npos && !has_blank(before)
         && !arg.starts_with("-");
}

// `--flag=two words`, but not `--flag=one --other two`.
bool is_flag_with_value(std::string_view arg) {
  const auto blank = static_cast<size_t>(std::find_if(arg.begin(), arg.end(), is_blank) - arg.begin());
  if (!arg.starts_with("--") || arg.substr(0, blank).find('=') == std::string_view::npos)
    return false;
  for (size_t i = blank; i + 1 < arg.size(); ++i)
    if (is_blank(arg[i]) && arg[i + 1] == '-')
      return false;
  return true;
}

std::string shell_quoted(std::string_view text) {
  const bool safe = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view{"-_=./:,@%+"}.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (safe)
    return std::string{text};
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return out + "'";
}

// One token of a shell script from `at`; leaves `at` behind it.
std::string unquote_token(std::string_view script, size_t& at) {
  std::string text;
  char quote = 0;
  for (; at < script.size(); ++at) {
    const char c = script[at];
    if (quote == '\'') {
      if (c == quote)
        quote = 0;
      else
        text += c;
    } else if (c == '\\' && at + 1 < script.size()) {
      const char next = script[++at];
      // Inside double quotes a backslash is special before few characters only.
      if (quote == '"' && std::string_view{"\"\\$`\n"}.find(next) == std::string_view::npos)
        text += c;
      if (next != '\n')
        text += next;
    } else if (quote == '"') {
      if (c == quote)
        quote = 0;
      else
        text += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (is_blank(c)) {
      break;
    } else if ((c == ';' || c == '|') && !text.empty()) {
      break;
    } else if (c == ';') {
      ++at;
      return ";";
    } else {
      text += c;
    }
  }
  return text;
}

} // namespace

std::vector<argument_list::argument> argument_list::split(std::string_view script) {
  std::vector<argument> result;
  for (size_t at = 0; at < script.size();) {
    if (script[at] == '\n') {
      result.push_back({"\n", "\n", true});
      ++at;
    } else if (is_blank(script[at])) {
      ++at;
    } else if (script.substr(at).starts_with("\\\n")) {
      at += 2;
    } else {
      const auto from = at;
      argument item;
      item.text = unquote_token(script, at);
      item.raw = script.substr(from, at - from);
      item.is_operator = ends_command(item.raw);
      result.push_back(std::move(item));
    }
  }
  return result;
}

argument_list argument_list::from_exec(const std::vector<std::string>& args) {
  argument_list result;
  std::string_view before;
  for (const auto& arg : args) {
    const bool whole = !has_blank(arg) || is_json(arg) || is_value_behind(before, arg) || is_flag_with_value(arg);
    before = arg;
    if (whole) {
      result.items_.push_back({arg, {}, ends_command(arg)});
      continue;
    }
    for (auto& item : split(arg))
      if (item.raw != "\n")
        result.items_.push_back(std::move(item));
  }
  return result;
}

argument_list argument_list::from_script(std::string_view script) {
  argument_list result;
  result.items_ = split(script);
  return result;
}

std::vector<std::string> argument_list::exec() const {
  std::vector<std::string> result;
  for (const auto& item : items_)
    result.push_back(item.text);
  return result;
}

std::string argument_list::script() const {
  std::string out;
  for (const auto& item : items_) {
    if (item.raw == "\n") {
      out += "\n";
      continue;
    }
    if (!out.empty() && out.back() != '\n' && item.raw != ";")
      out += ' ';
    out += item.raw.empty() ? shell_quoted(item.text) : item.raw;
  }
  return out;
}

// A script may hold other commands: the worker's own one starts where a module `dynamo.*` is named.
size_t argument_list::begin() const {
  for (size_t i = 0; i < items_.size(); ++i)
    if (items_[i].text.starts_with("dynamo."))
      return i + 1;
  return 0;
}

size_t argument_list::end() const {
  for (size_t i = begin(); i < items_.size(); ++i)
    if (items_[i].is_operator)
      return i;
  return items_.size();
}

std::optional<size_t> argument_list::index_of(std::string_view flag) const {
  const auto last = end();
  for (size_t i = begin(); i < last; ++i) {
    std::string_view text = items_[i].text;
    if (text == flag || (text.starts_with(flag) && text.substr(flag.size()).starts_with("=")))
      return i;
  }
  return std::nullopt;
}

bool argument_list::value_follows(size_t index) const {
  if (items_[index].text.find('=') != std::string::npos || index + 1 >= end())
    return false;
  // `-1` is a value, `-tp` is the next flag.
  const auto& next = items_[index + 1].text;
  return !(next.size() > 1 && next[0] == '-' && !std::isdigit(static_cast<unsigned char>(next[1])));
}

std::optional<std::string> argument_list::value(std::string_view flag) const {
  const auto index = index_of(flag);
  if (!index)
    return std::nullopt;
  const auto& text = items_[*index].text;
  if (text.size() > flag.size())
    return text.substr(flag.size() + 1);
  return value_follows(*index) ? std::optional{items_[*index + 1].text} : std::nullopt;
}

bool argument_list::has(std::string_view flag) const {
  return index_of(flag).has_value();
}

bool argument_list::has_prefix(std::string_view prefix) const {
  for (size_t i = begin(); i < end(); ++i)
    if (items_[i].text.starts_with(prefix))
      return true;
  return false;
}

void argument_list::set(std::string_view flag, std::string_view value) {
  const auto index = index_of(flag);
  if (!index) {
    const auto at = items_.begin() + static_cast<std::ptrdiff_t>(end());
    items_.insert(at, {argument{std::string{flag}, {}, false}, argument{std::string{value}, {}, false}});
    return;
  }
  if (items_[*index].text.size() > flag.size())
    items_[*index] = {std::string{flag} + "=" + std::string{value}, {}, false};
  else if (value_follows(*index))
    items_[*index + 1] = {std::string{value}, {}, false};
  else
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(*index) + 1, argument{std::string{value}, {}, false});
}

void argument_list::append(std::string_view text) {
  items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(end()), argument{std::string{text}, {}, false});
}

void argument_list::add(std::string_view flag) {
  if (!has(flag))
    append(flag);
}

void argument_list::remove(std::string_view flag) {
  while (const auto index = index_of(flag)) {
    const auto from = items_.begin() + static_cast<std::ptrdiff_t>(*index);
    items_.erase(from, from + (value_follows(*index) ? 2 : 1));
  }
}

} // namespace sextant
