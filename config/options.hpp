// options.hpp: The one table of options. Parser, help, validation and documentation are all made from it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// What a value must look like.
enum class option_type : uint8_t {
  text,
  integer,
  number,
  boolean,
  choice,   ///< one of `choices`
  several,  ///< one or more of `choices`, separated by commas
  gpu,      ///< a GPU name of the catalogue
  duration, ///< seconds, or a number with `s`, `m`, `h`
  object,   ///< any mapping, kept as JSON text
  list,     ///< any sequence, kept as JSON text
  config,   ///< a whole `profilingConfig.config` object, as text
};

/// Commands of the program, as bits.
enum command_bits : uint32_t {
  command_profile = 1,
  command_serve = 2,
  command_submit = 4,
  command_watch = 8,
  command_cancel = 16,
  command_results = 32,
  command_list = 64,
  command_pick = 128,
  command_estimate = 256,
  command_agent = 512,
  command_nodes = 1024,
  command_top = 2048,
  command_drain = 4096,
  command_operator = 8192,
  command_any = 16383,
};

/// Allowed numbers; `open` excludes the lower bound itself.
struct option_range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open = false;
};

/// One option: how it is called in every place where it may be written, and what it may be.
struct option_row {
  std::string_view name;         ///< flag without dashes; also the key under `options` of a submission
  std::string_view aliases = {}; ///< further flag names, separated by blanks
  /// Paths in a v1alpha1 document, separated by blanks. `$` stands for `spec.profilingConfig.config.`, below which every
  /// key is also accepted in snake_case; a leading `~` marks a place that the others override.
  std::string_view alpha = {};
  std::string_view beta = {}; ///< paths in a v1beta1 document
  option_type type = option_type::text;
  std::string_view unit = {};
  std::string_view value = {};      ///< default, empty for none
  std::string_view beta_value = {}; ///< default of v1beta1 documents where it differs
  option_range range = {};
  std::string_view choices = {};  ///< separated by blanks
  uint32_t commands = 0;          ///< 0: only in documents
  uint32_t or_none = 0;           ///< of these commands that also take 0, outside of the range
  bool request = true;            ///< may be part of a submission; false: belongs to the process
  uint32_t flag_only = 0;         ///< of these commands that take it from their command line alone
  bool secret = false;            ///< never on a command line, which everybody on the machine can read, and never shown
  std::string_view variable = {}; ///< environment variable of old, read after `SEXTANT_` and the name
  std::string_view help = {};
};

/// All options, in the order of the documentation.
std::span<const option_row> options();

/// Arguments of the SLA planner, by their names there; as options they carry the prefix `planner-`.
std::span<const option_row> planner_arguments();

/// Row by exact name, alias or `planner-` name; dashes and underscores are the same. Null if there is none.
const option_row* find_option(std::string_view name);

/// What a name on a command line means.
struct option_match {
  const option_row* row = nullptr;
  std::string name;                 ///< canonical name, with `planner-` prefix where it belongs
  std::vector<std::string> several; ///< the names that an ambiguous prefix could mean
};

/// Row by name, alias or unique prefix among the options of `commands`; document-only rows are never found.
option_match match_option(std::string_view name, uint32_t commands);

/// Names that a command accepts, for hints.
std::vector<std::string> option_names(uint32_t commands);

/// Words of a blank-separated list.
std::vector<std::string> words(std::string_view list);

/// `a number > 0 (ms)`: what the row accepts, as people read it.
std::string accepted_text(const option_row& row);

/// Appends one option as help shows it.
void append_option_help(std::string& text, const std::string& name, const option_row& row);

} // namespace sextant
