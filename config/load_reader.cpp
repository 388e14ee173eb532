// load_reader.cpp: From texts to numbers, choices, pairs and JSON.
#include "config/load_reader.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "config/load_option_table.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return {};
  return std::string{text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1)};
}

/// A value as JSON: what reads as JSON is that, everything else a string.
nlohmann::json json_value(const std::string& text) {
  if (text == "True" || text == "False")
    return text == "True";
  auto value = nlohmann::json::parse(text, nullptr, false);
  return value.is_discarded() ? nlohmann::json(text) : value;
}

} // namespace

std::vector<std::string> split_text(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    if (auto piece = trimmed(text.substr(at, end - at)); !piece.empty())
      out.push_back(std::move(piece));
    at = end + 1;
  }
  return out;
}

void load_reader::refuse(std::string_view name, std::string found, std::string accepted, std::string hint) {
  document_error error;
  if (const auto given = arguments_.given.find(std::string{name}); given != arguments_.given.end())
    error = given->second.place;
  else
    error.source = "--" + std::string{name};
  error.found = std::move(found);
  error.accepted = std::move(accepted);
  error.hint = std::move(hint);
  errors_.push_back(std::move(error));
}

bool load_reader::flag(std::string_view name) {
  const auto value = parse_boolean(text(name));
  if (!value)
    refuse(name, "\"" + shown(text(name)) + "\"", "true or false");
  return value.value_or(false);
}

double load_reader::number(std::string_view name) {
  const auto given = text(name);
  if (given.empty() && !has(name))
    return 0;
  const auto* row = find_load_option(name);
  const auto value = parse_number(given);
  const bool whole = row->kind == load_kind::integer || row->kind == load_kind::integers;
  const bool fits = value && !(whole && std::trunc(*value) != *value) && *value <= row->range.high
                    && (row->range.open ? *value > row->range.low : *value >= row->range.low);
  if (!fits) {
    refuse(name, "\"" + shown(given) + "\"", accepted_text(*row));
    return 0;
  }
  return *value;
}

int load_reader::choice(std::string_view name) {
  const auto* row = find_load_option(name);
  auto given = text(name);
  if (given.empty() && !has(name))
    return -1;
  const auto accepted = words(row->choices);
  for (size_t i = 0; i < accepted.size(); ++i)
    if (accepted[i] == given)
      return static_cast<int>(i);
  const auto nearest = nearest_name(given, accepted);
  refuse(name, "\"" + shown(given) + "\"", accepted_text(*row), nearest.empty() ? "" : "did you mean '" + nearest + "'?");
  return -1;
}

std::vector<std::string> load_reader::list(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& text : arguments_.texts(name))
    for (auto& piece : split_text(text, ','))
      out.push_back(std::move(piece));
  return out;
}

std::vector<std::pair<std::string, std::string>> load_reader::pairs(std::string_view name, const std::string& accepted) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& text : arguments_.texts(name))
    for (const auto& word : name == "header" ? std::vector<std::string>{text} : split_text(text, ' ')) {
      const auto colon = word.find(':');
      if (colon == std::string::npos || colon == 0 || word.find_first_of("\r\n") != std::string::npos) {
        // A header may be a secret: its text is not repeated.
        refuse(name, name == "header" ? "a text without a name and ':'" : "\"" + shown(word) + "\"", accepted);
        continue;
      }
      out.emplace_back(trimmed(word.substr(0, colon)), trimmed(word.substr(colon + 1)));
    }
  return out;
}

std::vector<std::string> load_reader::json_objects(std::string_view name) {
  std::vector<std::string> out;
  for (const auto& text : arguments_.texts(name)) {
    const auto word = trimmed(text);
    if (word.starts_with("{")) {
      const auto object = nlohmann::json::parse(word, nullptr, false);
      if (object.is_object())
        out.push_back(object.dump());
      else
        refuse(name, "\"" + shown(word) + "\"", "a JSON object, or key:value");
      continue;
    }
    const auto colon = word.find(':');
    if (colon == std::string::npos || colon == 0) {
      refuse(name, "\"" + shown(word) + "\"", "key:value, or a JSON object");
      continue;
    }
    nlohmann::json object;
    object[trimmed(word.substr(0, colon))] = json_value(trimmed(word.substr(colon + 1)));
    out.push_back(object.dump());
  }
  return out;
}

} // namespace sextant
