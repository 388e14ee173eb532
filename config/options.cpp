// options.cpp: Finding rows of the option table by what people write, and saying what a row accepts.
#include "config/options.hpp"

#include <algorithm>

#include "config/intake.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

constexpr std::string_view planner_prefix = "planner-";

std::string dashed(std::string_view name) {
  std::string result{name};
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

bool has_name(const option_row& row, std::string_view name) {
  if (row.name == name)
    return true;
  const auto aliases = words(row.aliases);
  return std::find(aliases.begin(), aliases.end(), name) != aliases.end();
}

/// Every name of a row that a command may use, with its canonical one.
template <class Use>
void for_each_name(uint32_t commands, Use use) {
  for (const auto& row : options()) {
    if ((row.commands & commands) == 0)
      continue;
    use(row, std::string{row.name}, std::string{row.name});
    for (const auto& alias : words(row.aliases))
      use(row, alias, std::string{row.name});
  }
  for (const auto& row : planner_arguments())
    if ((row.commands & commands) != 0) {
      const auto name = std::string{planner_prefix} + std::string{row.name};
      use(row, name, name);
    }
}

std::string joined_choices(std::string_view choices) {
  std::string result;
  for (const auto& choice : words(choices))
    result += (result.empty() ? "" : ", ") + choice;
  return result;
}

std::string range_text(const option_row& row) {
  const auto& range = row.range;
  if (range.open)
    return "> " + number_text(range.low);
  if (range.high >= 1e9)
    return ">= " + number_text(range.low);
  return "from " + number_text(range.low) + " to " + number_text(range.high);
}

} // namespace

std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> result;
  while (!list.empty()) {
    const auto end = std::min(list.find(' '), list.size());
    if (end > 0)
      result.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return result;
}

const option_row* find_option(std::string_view name) {
  const auto wanted = dashed(name);
  for (const auto& row : options())
    if (has_name(row, wanted))
      return &row;
  if (wanted.starts_with(planner_prefix))
    for (const auto& row : planner_arguments())
      if (row.name == wanted.substr(planner_prefix.size()))
        return &row;
  return nullptr;
}

option_match match_option(std::string_view name, uint32_t commands) {
  const auto wanted = dashed(name);
  option_match match;
  bool exact = false;
  // `--min-num-gpus` ends in the middle of a name like everything argparse completes; one character is too little to mean
  // something.
  for_each_name(commands, [&](const option_row& row, const std::string& candidate, const std::string& canonical) {
    if (candidate == wanted) {
      match = {&row, canonical, {}};
      exact = true;
    } else if (!exact && wanted.size() > 1 && candidate.starts_with(wanted) && match.name != canonical) {
      if (match.row || !match.several.empty()) {
        if (match.several.empty())
          match.several.push_back(match.name);
        match.several.push_back(canonical);
        match.row = nullptr;
      } else {
        match = {&row, canonical, {}};
      }
    }
  });
  return match;
}

std::vector<std::string> option_names(uint32_t commands) {
  std::vector<std::string> names;
  for_each_name(commands, [&](const option_row&, const std::string& name, const std::string&) { names.push_back(name); });
  return names;
}

std::string accepted_text(const option_row& row) {
  const auto unit = row.unit.empty() ? std::string{} : " (" + std::string{row.unit} + ")";
  const bool ranged = row.range.low > -1e300;
  switch (row.type) {
    case option_type::text:
      return "text";
    case option_type::integer:
      return "a whole number" + (ranged ? " " + range_text(row) : "") + unit;
    case option_type::number:
      return "a number" + (ranged ? " " + range_text(row) : "") + unit;
    case option_type::duration:
      return "seconds, or a number with s, m or h" + (ranged ? ", " + range_text(row) + " s" : "");
    case option_type::boolean:
      return "true or false";
    case option_type::choice:
      return "one of " + joined_choices(row.choices) + (row.beta_value == "auto" ? " (v1beta1: also auto)" : "");
    case option_type::several:
      return "one or more of " + joined_choices(row.choices) + ", separated by commas";
    case option_type::gpu: {
      std::string names;
      for (const auto& name : gpu_names())
        names += (names.empty() ? "" : ", ") + name;
      return "one of " + names + ", or a YAML file with a GPU's facts";
    }
    case option_type::object:
      return "an object";
    case option_type::list:
      return "a list";
    case option_type::config:
      return "a YAML or JSON object";
  }
  return {};
}

} // namespace sextant
