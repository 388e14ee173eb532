#include "config/flag_words.hpp"

#include <algorithm>

#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

const option_row* row_of(std::span<const option_row> rows, std::string_view name) {
  for (const auto& row : rows) {
    const auto aliases = words(row.aliases);
    if (row.name == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end())
      return &row;
  }
  return nullptr;
}

/// One pass over the words.
class flag_walk {
public:
  flag_walk(const std::vector<std::string>& given, std::span<const option_row> rows, std::string_view command,
            std::vector<document_error>& errors)
      : words_{given}, rows_{rows}, command_{command}, errors_{errors} {}

  flag_words run() {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      const auto& word = words_[at_];
      if (word == "-h" || word == "--help")
        out_.help = true;
      else if (word.starts_with("--"))
        take(word.substr(2));
      else
        out_.others.push_back(word);
    }
    return std::move(out_);
  }

private:
  void refuse(std::string source, std::string found, std::string accepted, std::string hint = {}) {
    errors_.push_back({std::move(source), 0, 0, "", std::move(found), std::move(accepted), std::move(hint)});
  }

  void refuse_name(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& row : rows_)
      names.emplace_back(row.name);
    const auto nearest = nearest_name(name, names);
    refuse("--" + shown(name), "an unknown flag", "a flag of " + std::string{command_} + " --help",
           nearest.empty() ? "" : "did you mean '--" + nearest + "'?");
  }

  void take(const std::string& text) {
    const auto equals = text.find('=');
    auto name = text.substr(0, equals);
    std::replace(name.begin(), name.end(), '_', '-');
    const auto* row = row_of(rows_, name);
    const bool spare = equals == std::string::npos && at_ + 1 < words_.size() && !words_[at_ + 1].starts_with("--");
    if (!row) {
      refuse_name(name);
      at_ += spare ? 1 : 0;
      return;
    }
    std::string value;
    if (equals != std::string::npos)
      value = text.substr(equals + 1);
    else if (row->type == option_type::boolean && !(spare && parse_boolean(words_[at_ + 1])))
      value = "true";
    else if (spare)
      value = words_[++at_];
    else
      return refuse("--" + name, "no value", accepted_text(*row));
    std::string hint;
    if (const auto canonical = canonical_value(*row, value, hint))
      out_.values[std::string{row->name}].push_back(*canonical);
    else
      refuse("--" + name, "\"" + shown(value) + "\"", accepted_text(*row), hint);
  }

  const std::vector<std::string>& words_;
  std::span<const option_row> rows_;
  std::string_view command_;
  std::vector<document_error>& errors_;
  flag_words out_;
  size_t at_ = 0;
};

} // namespace

std::string flag_words::text(std::span<const option_row> rows, std::string_view name) const {
  if (const auto at = values.find(name); at != values.end())
    return at->second.back();
  const auto* row = row_of(rows, name);
  return row ? std::string{row->value} : std::string{};
}

double flag_words::number(std::span<const option_row> rows, std::string_view name) const {
  return parse_number(text(rows, name)).value_or(0);
}

std::vector<std::string> flag_words::list(std::string_view name) const {
  std::vector<std::string> out;
  const auto at = values.find(name);
  if (at == values.end())
    return out;
  for (auto text : at->second) {
    std::replace(text.begin(), text.end(), ',', ' ');
    for (auto& part : words(text))
      out.push_back(std::move(part));
  }
  return out;
}

flag_words read_flag_words(const std::vector<std::string>& words, std::span<const option_row> rows, std::string_view command,
                           std::vector<document_error>& errors) {
  return flag_walk{words, rows, command, errors}.run();
}

void refuse_others(const flag_words& given, std::string_view command, std::vector<document_error>& errors) {
  for (const auto& word : given.others)
    errors.push_back({shown(word), 0, 0, "", "a word too many", "flags of " + std::string{command} + " --help", ""});
}

std::string http_address(std::string text, const std::string& flag, std::vector<document_error>& errors) {
  if (text.starts_with("http://") || text.starts_with("https://"))
    return text;
  if (text.empty() || text.find("://") != std::string::npos)
    errors.push_back({flag, 0, 0, "", "\"" + shown(text) + "\"", "an http:// or https:// address", ""});
  return "http://" + text;
}

std::string flag_help(std::span<const option_row> rows) {
  std::string text;
  for (const auto& row : rows)
    append_option_help(text, std::string{row.name}, row);
  return text;
}

} // namespace sextant
