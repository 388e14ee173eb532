// settings.hpp: What was set, by option name, with the place where it was written. Documents and options meet here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "config/options.hpp"
#include "messages/request.hpp"

namespace sextant {

/// One value as it was given, in canonical text.
struct setting {
  std::string value;
  document_error place; ///< source, line, column and path; the rest is empty
  bool weak = false;    ///< written at a place that the others override
};

/// Values by canonical option name; planner arguments carry the prefix `planner-`.
using settings = std::map<std::string, setting>;

/// What reading settings leaves besides them.
struct reading {
  bool own_files = true; ///< whether files that the writer names (a GPU's description) are opened
  std::vector<document_error> errors;
  std::vector<std::string> warnings; ///< accepted, but not used as written
};

/// How errors name the place of an option.
enum class option_place : uint8_t {
  flag,       ///< `--ttft`
  submission, ///< `options.ttft`
};

/// Reads a whole DGDR, apart from apiVersion, kind and metadata.
settings read_document_settings(const document_node& root, request_api api, const std::string& source, reading& out);

/// Reads a `profilingConfig.config` object that stands alone; `path` is where errors say it is.
settings read_config_settings(const document_node& config, const std::string& source, const std::string& path, reading& out);

/// Reads options given by name. Options of the process are errors in a submission.
settings read_option_settings(const std::map<std::string, std::string>& given, uint32_t commands, option_place style,
                              reading& out);

/// The canonical text of one option's value for these commands; nothing, and what would be accepted, if it is none.
std::optional<std::string> read_option_value(const option_row& row, uint32_t commands, const std::string& value,
                                             const reading& out, std::string& accepted, std::string& hint);

/// An error of one option, at the place its style says.
document_error option_error(option_place style, const std::string& name, std::string found, std::string accepted,
                            std::string hint);

/// `over` on top of `under`.
void overlay(settings& under, settings over);

} // namespace sextant
