// load_option_table.hpp: The flags of `sextant load`: AIPerf's names, aliases and defaults, and the few of our own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"

namespace sextant {

/// What the value of a load flag must look like.
enum class load_kind : uint8_t {
  text,
  file, ///< a path
  integer,
  number,
  boolean,
  choice,   ///< one of `choices`
  integers, ///< one integer, or several with commas: one run for each
  numbers,  ///< one number, or several with commas: one run for each
};

/// One flag.
struct load_option_row {
  std::string_view name;         ///< without dashes
  std::string_view aliases = {}; ///< further names, separated by blanks; one letter: with one dash
  load_kind kind = load_kind::text;
  std::string_view value = {}; ///< default, empty for none
  std::string_view unit = {};
  option_range range = {};
  std::string_view choices = {};
  bool many = false; ///< may be given several times, or with several words
  std::string_view help = {};
};

/// A group of flags under one heading of the help.
struct load_option_group {
  std::string_view title;
  std::span<const load_option_row> rows;
};

/// All flags that do something.
std::span<const load_option_group> load_option_groups();

/// Flags of AIPerf that belong to things Sextant does otherwise or not at all.
struct foreign_load_flags {
  bool refused = false;    ///< else taken with a remark
  std::string_view reason; ///< what the user is told
  std::string_view names;  ///< separated by blanks; `=` in front: takes no value
};
std::span<const foreign_load_flags> foreign_load_options();

/// Row by name or alias, dashes and underscores the same; null if there is none.
const load_option_row* find_load_option(std::string_view name);

/// The foreign group that has this flag, null if none; `takes_value` tells whether a word follows it.
const foreign_load_flags* find_foreign_load_option(std::string_view name, bool& takes_value);

/// Every name that is understood, for hints.
std::vector<std::string> load_option_names();

/// What a row accepts, as people read it.
std::string accepted_text(const load_option_row& row);

/// `sextant load --help`.
std::string load_help_text();

} // namespace sextant
