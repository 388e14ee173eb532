// load_arguments.cpp: Takes the command line of `sextant load` apart and spreads lists of values over runs.
#include <algorithm>

#include "config/load_option_table.hpp"
#include "config/load_options.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

document_error flag_error(std::string source, std::string found, std::string accepted, std::string hint = {}) {
  return {std::move(source), 0, 0, "", std::move(found), std::move(accepted), std::move(hint)};
}

/// Whether a word is a flag rather than a value: negative numbers are values.
bool is_flag(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !parse_number(word);
}

/// One pass over the words.
class flag_walk {
public:
  flag_walk(const std::vector<std::string>& words, load_arguments& out) : words_{words}, out_{out} {}

  void run() {
    at_ = !words_.empty() && words_[0] == "profile" ? 1 : 0;
    for (; at_ < words_.size(); ++at_) {
      const auto& word = words_[at_];
      if (word == "-h" || word == "--help")
        out_.help = true;
      else if (word == "-vv")
        foreign("vv", std::nullopt);
      else if (word.starts_with("--"))
        take(word.substr(2), "--");
      else if (is_flag(word))
        take(word.substr(1), "-");
      else
        out_.errors.push_back(flag_error("load", "\"" + shown(word) + "\"", "flags only, see sextant load --help"));
    }
  }

private:
  void take(const std::string& text, const std::string& dashes) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos)
      value = text.substr(equals + 1);
    const auto* row = (dashes == "-") == (name.size() == 1) ? find_load_option(name) : nullptr;
    if (!row && name.starts_with("no-")) {
      const auto* positive = find_load_option(name.substr(3));
      if (positive && positive->kind == load_kind::boolean && !value)
        return add(*positive, "false", dashes + name);
    }
    if (!row)
      return foreign(name, value);
    if (row->kind == load_kind::boolean)
      return take_boolean(*row, value, dashes + name);
    if (!value) {
      if (at_ + 1 >= words_.size() || is_flag(words_[at_ + 1])) {
        out_.errors.push_back(flag_error("--" + std::string{row->name}, "no value", accepted_text(*row)));
        return;
      }
      value = words_[++at_];
    }
    add(*row, *value, dashes + name);
    while (row->many && at_ + 1 < words_.size() && !is_flag(words_[at_ + 1]))
      add(*row, words_[++at_], dashes + name);
  }

  void take_boolean(const load_option_row& row, std::optional<std::string> value, const std::string& flag) {
    if (!value && at_ + 1 < words_.size() && !is_flag(words_[at_ + 1]) && parse_boolean(words_[at_ + 1]))
      value = words_[++at_];
    add(row, value.value_or("true"), flag);
  }

  void add(const load_option_row& row, const std::string& text, const std::string& flag) {
    auto& entry = out_.given[std::string{row.name}];
    entry.place.source = flag;
    if (!row.many)
      entry.texts.clear(); // the last counts, as with every command line
    entry.texts.push_back(text);
  }

  void foreign(const std::string& name, const std::optional<std::string>& value) {
    bool takes_value = false;
    const auto* group = find_foreign_load_option(name, takes_value);
    const auto skip = [&] {
      while (!value && at_ + 1 < words_.size() && !is_flag(words_[at_ + 1]))
        ++at_;
    };
    if (!group) {
      const auto nearest = nearest_name(name, load_option_names());
      out_.errors.push_back(flag_error("--" + shown(name), "an unknown flag", "a flag of sextant load --help",
                                       nearest.empty() ? "" : "did you mean '--" + nearest + "'?"));
      return skip();
    }
    if (group->refused)
      out_.errors.push_back(flag_error("--" + name, "a flag of AIPerf that is not taken", std::string{group->reason}));
    else
      out_.remarks.push_back("--" + name + " changes nothing: " + std::string{group->reason});
    if (takes_value)
      skip();
  }

  const std::vector<std::string>& words_;
  load_arguments& out_;
  size_t at_ = 0;
};

std::vector<std::string> comma_parts(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text)
    if (c == ',')
      out.emplace_back();
    else if (c != ' ')
      out.back() += c;
  return out;
}

/// Name of what varies, as AIPerf's folders have it: the last part of the configuration's key.
std::string axis_name(std::string_view flag) {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"request-rate", "rate"},     {"request-count", "requests"}, {"benchmark-duration", "duration"},
      {"num-sessions", "sessions"}, {"num-users", "users"},        {"isl-stddev", "stddev"},
      {"osl-stddev", "stddev"},
  };
  for (const auto& [name, key] : names)
    if (name == flag)
      return std::string{key};
  std::string out{flag};
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

/// Python writes floats with a point: `rate_5.0`.
std::string axis_value(const load_option_row& row, const std::string& text) {
  const auto number = parse_number(text);
  if (row.kind != load_kind::numbers || !number)
    return text;
  const auto out = number_text(*number);
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

struct sweep_axis {
  const load_option_row* row = nullptr;
  std::vector<std::string> values;
};

std::vector<sweep_axis> sweep_axes(const load_arguments& arguments) {
  std::vector<sweep_axis> axes;
  for (const auto& group : load_option_groups())
    for (const auto& row : group.rows) {
      if (row.kind != load_kind::integers && row.kind != load_kind::numbers)
        continue;
      const auto found = arguments.given.find(std::string{row.name});
      if (found == arguments.given.end())
        continue;
      auto values = comma_parts(found->second.texts.back());
      if (values.size() > 1)
        axes.push_back({&row, std::move(values)});
    }
  return axes;
}

load_variation variation_of(const load_arguments& arguments, const std::vector<sweep_axis>& axes,
                            const std::vector<size_t>& places) {
  load_variation out;
  out.arguments = arguments;
  for (size_t a = 0; a < axes.size(); ++a) {
    const auto& value = axes[a].values[places[a]];
    const std::string name{axes[a].row->name};
    out.arguments.given[name].texts = {value};
    out.values.emplace_back(name, value);
    out.label += (out.label.empty() ? "" : "__") + axis_name(name) + "_" + axis_value(*axes[a].row, value);
  }
  for (auto& c : out.label)
    if (c == '/' || c == '\\')
      c = '_';
  return out;
}

} // namespace

std::string load_arguments::text(std::string_view name) const {
  if (const auto found = given.find(std::string{name}); found != given.end() && !found->second.texts.empty())
    return found->second.texts.back();
  const auto* row = find_load_option(name);
  return row ? std::string{row->value} : std::string{};
}

std::vector<std::string> load_arguments::texts(std::string_view name) const {
  if (const auto found = given.find(std::string{name}); found != given.end())
    return found->second.texts;
  const auto* row = find_load_option(name);
  return row && !row->value.empty() ? std::vector<std::string>{std::string{row->value}} : std::vector<std::string>{};
}

load_arguments parse_load_arguments(const std::vector<std::string>& words) {
  load_arguments out;
  flag_walk{words, out}.run();
  return out;
}

std::vector<load_variation> spread_sweep(const load_arguments& arguments, std::vector<document_error>& errors) {
  const auto axes = sweep_axes(arguments);
  std::vector<load_variation> out;
  if (arguments.text("sweep-type") == "zip") {
    const size_t length = axes.empty() ? 1 : axes[0].values.size();
    for (const auto& axis : axes)
      if (axis.values.size() != length) {
        errors.push_back(flag_error("--" + std::string{axis.row->name}, std::to_string(axis.values.size()) + " values",
                                    std::to_string(length) + " values, as many as --" + std::string{axes[0].row->name}
                                        + " has, with --sweep-type zip"));
        return {};
      }
    for (size_t i = 0; i < length; ++i)
      out.push_back(variation_of(arguments, axes, std::vector<size_t>(axes.size(), i)));
    return out;
  }
  std::vector<size_t> places(axes.size(), 0);
  for (bool more = true; more;) {
    out.push_back(variation_of(arguments, axes, places));
    more = false;
    for (size_t a = axes.size(); a-- > 0 && !more;)
      if (++places[a] < axes[a].values.size())
        more = true;
      else
        places[a] = 0;
    if (out.size() > 10'000) {
      errors.push_back(flag_error("load", "more than 10000 combinations of values", "shorter lists"));
      return {};
    }
  }
  return out;
}

std::string load_command_text(const std::vector<std::string>& words) {
  std::string out = "sextant load";
  bool secret = false, header = false;
  for (const auto& word : words) {
    std::string text = secret ? "***" : word;
    const auto equals = word.find('=');
    const auto name = word.starts_with("-") ? word.substr(word.find_first_not_of('-'),
                                                          equals == std::string::npos ? std::string::npos
                                                                                      : equals - word.find_first_not_of('-'))
                                            : "";
    const auto* row = name.empty() ? nullptr : find_load_option(name);
    if (header && !row)
      text = word.substr(0, word.find(':')) + ":***"; // headers carry secrets as often as not
    const bool is_key = row && row->name == "api-key", is_header = row && row->name == "header";
    if ((is_key || is_header) && equals != std::string::npos)
      text = word.substr(0, equals) + "=***";
    secret = is_key && equals == std::string::npos;
    header = equals == std::string::npos && (is_header || (header && !row && !word.starts_with("-")));
    const bool plain = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+*")
                       == std::string::npos;
    if (plain && !text.empty()) {
      out += ' ' + text;
    } else {
      out += " '";
      for (const char c : text)
        out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
      out += '\'';
    }
  }
  return out;
}

} // namespace sextant
