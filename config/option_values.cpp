// option_values.cpp: Numbers, booleans, durations, choices and UTF-8 as people write them.
#include "config/option_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "config/catalogue.hpp"
#include "config/gpu_file.hpp"
#include "config/intake.hpp"
#include "config/nearest.hpp"

namespace sextant {

namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}

bool leading_zero(std::string_view text) {
  return text.size() > 1 && text[0] == '0' && digit(text[1]);
}

bool in_range(const option_range& range, double value) {
  return (range.open ? value > range.low : value >= range.low) && value <= range.high;
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string did_you_mean(const std::string& name) {
  return name.empty() ? "" : "did you mean '" + name + "'?";
}

std::optional<std::string> canonical_choice(const option_row& row, std::string_view text, std::string& hint) {
  const auto choices = words(row.choices);
  for (const auto& choice : choices)
    if (choice == lower(text))
      return choice;
  hint = did_you_mean(nearest_name(text, choices));
  return std::nullopt;
}

/// Every choice once, in the order of the table.
std::optional<std::string> canonical_several(const option_row& row, std::string_view text, std::string& hint) {
  std::vector<std::string> given;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto one = canonical_choice(row, text.substr(begin, end - begin), hint);
    if (!one)
      return std::nullopt;
    given.push_back(*one);
    begin = end + 1;
  }
  std::string result;
  for (const auto& choice : words(row.choices))
    if (std::find(given.begin(), given.end(), choice) != given.end())
      result += (result.empty() ? "" : ",") + choice;
  return result;
}

std::optional<std::string> canonical_gpu(std::string_view text, std::string& hint) {
  if (is_gpu_file(text))
    return gpu_from_file(std::string{text}, hint) ? std::optional{std::string{text}} : std::nullopt;
  if (const auto* gpu = find_gpu(text))
    return gpu->name;
  hint = known_gpu_without_facts(text) ? "a real GPU, but this version has no performance facts about it"
                                       : did_you_mean(nearest_name(text, gpu_names()));
  return std::nullopt;
}

std::optional<std::string> canonical_number(const option_row& row, std::string_view text, std::string& hint) {
  const auto value = row.type == option_type::duration ? parse_duration(text) : parse_number(text);
  if (!value) {
    const auto unsigned_text = text.substr(!text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0);
    if (leading_zero(unsigned_text))
      hint = "a leading zero may mean octal: write it without";
    else if (!row.unit.empty() && !unsigned_text.empty() && digit(unsigned_text[0]))
      hint = "write the number alone, in " + std::string{row.unit};
    return std::nullopt;
  }
  if (row.type == option_type::integer && *value != std::floor(*value)) {
    hint = "no fraction";
    return std::nullopt;
  }
  if (!in_range(row.range, *value))
    return std::nullopt;
  return number_text(*value == 0 ? 0 : *value);
}

/// Length of the UTF-8 sequence at `at`, or 0 if it is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto first = byte(at);
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF)
    return tail(at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const auto second = byte(at + 1);
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return tail(at + 1) && tail(at + 2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const auto second = byte(at + 1);
    const bool out = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return tail(at + 1) && tail(at + 2) && tail(at + 3) && !out ? 4 : 0;
  }
  return 0;
}

} // namespace

std::string number_text(double value) {
  std::array<char, 64> buffer;
  // Counts are written out; only what is not whole, or too large for a counter, may get an exponent.
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  const auto end = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<long long>(value)).ptr
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::optional<double> parse_number(std::string_view text) {
  const bool plus = !text.empty() && text[0] == '+';
  text.remove_prefix(plus ? 1 : 0);
  const auto digits = text.substr(!plus && !text.empty() && text[0] == '-' ? 1 : 0);
  // Keeps `inf`, `nan` and a second sign from from_chars.
  if (digits.empty() || (!digit(digits[0]) && digits[0] != '.') || leading_zero(digits))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
  const auto word = lower(text);
  if (word == "true" || word == "yes" || word == "on")
    return true;
  if (word == "false" || word == "no" || word == "off")
    return false;
  return std::nullopt;
}

std::optional<double> parse_duration(std::string_view text) {
  double factor = 1;
  if (!text.empty())
    switch (text.back()) {
      case 's':
        factor = 1;
        break;
      case 'm':
        factor = 60;
        break;
      case 'h':
        factor = 3600;
        break;
      default:
        return parse_number(text);
    }
  const auto value = parse_number(text.substr(0, text.empty() ? 0 : text.size() - 1));
  return value ? std::optional{*value * factor} : std::nullopt;
}

std::optional<std::string> canonical_value(const option_row& row, std::string_view text, std::string& hint) {
  switch (row.type) {
    case option_type::integer:
    case option_type::number:
    case option_type::duration:
      return canonical_number(row, text, hint);
    case option_type::boolean: {
      const auto value = parse_boolean(text);
      return value ? std::optional<std::string>{*value ? "true" : "false"} : std::nullopt;
    }
    case option_type::choice:
      return canonical_choice(row, text, hint);
    case option_type::several:
      return canonical_several(row, text, hint);
    case option_type::gpu:
      return canonical_gpu(text, hint);
    case option_type::text:
      // Text ends up in file names, labels and command lines.
      for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          hint = "no control characters";
          return std::nullopt;
        }
      return std::string{text};
    case option_type::config:
      return std::string{text};
    case option_type::object:
    case option_type::list:
      break; // never a scalar
  }
  return std::nullopt;
}

bool valid_utf8(std::string_view text, std::size_t& bad) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = sequence_length(text, at);
    if (length == 0) {
      bad = at;
      return false;
    }
    at += length;
  }
  return true;
}

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 60;
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++characters) {
    if (characters == longest)
      return result + "...";
    const auto length = sequence_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      result += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : std::string{"\\x"} + hex[byte >> 4U] + hex[byte & 15U];
      at += 1;
    } else {
      result += text.substr(at, length);
      at += length;
    }
  }
  return result;
}

} // namespace sextant
