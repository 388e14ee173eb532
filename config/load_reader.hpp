// load_reader.hpp: Reads single values of `sextant load` with their types; what is wrong becomes an error at its flag.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load_options.hpp"

namespace sextant {

/// Pieces of a text between separators, without blanks around them; empty pieces are left out.
std::vector<std::string> split_text(std::string_view text, char separator);

/// Typed look-ups in the arguments of one run.
class load_reader {
public:
  load_reader(const load_arguments& arguments, std::vector<document_error>& errors)
      : arguments_{arguments}, errors_{errors} {}

  bool has(std::string_view name) const { return arguments_.has(name); }
  std::string text(std::string_view name) const { return arguments_.text(name); }
  bool flag(std::string_view name);
  /// 0 where there is neither a value nor a default.
  double number(std::string_view name);
  double number_or(std::string_view name, double otherwise) { return has(name) ? number(name) : otherwise; }
  int integer(std::string_view name) { return static_cast<int>(number(name)); }
  /// Place among the row's choices, -1 for no value.
  int choice(std::string_view name);
  /// The text of a choice, once it is one.
  std::string chosen(std::string_view name) { return choice(name) < 0 ? std::string{} : text(name); }
  /// All words, also those with commas between them.
  std::vector<std::string> list(std::string_view name) const;
  /// `name:value` words; blanks separate pairs, too, unless the flag is a header.
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view name, const std::string& accepted);
  /// `key:value` words and JSON objects as texts of JSON objects.
  std::vector<std::string> json_objects(std::string_view name);
  /// Adds an error at the flag's place.
  void refuse(std::string_view name, std::string found, std::string accepted, std::string hint = {});

private:
  const load_arguments& arguments_;
  std::vector<document_error>& errors_;
};

/// Conflicts between values, and defaults that depend on others.
void check_load_rules(load_reader& in, load_options& out);

} // namespace sextant
