// flag_words.hpp: The words behind a command that has flags of its own, read against one table of them. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "messages/request.hpp"

namespace sextant {

/// What was given: canonical values by flag, and words that are no flags.
struct flag_words {
  bool help = false;
  std::map<std::string, std::vector<std::string>, std::less<>> values; ///< in the order of the words
  std::vector<std::string> others;

  bool has(std::string_view name) const { return values.find(name) != values.end(); }
  /// The last value given, else the row's default.
  std::string text(std::span<const option_row> rows, std::string_view name) const;
  /// The same as a number; 0 where it is none.
  double number(std::span<const option_row> rows, std::string_view name) const;
  /// Every value given, split at commas.
  std::vector<std::string> list(std::string_view name) const;
};

/// Takes the words apart; dashes and underscores are the same, `--flag value` and `--flag=value`, a boolean flag needs no
/// value. Adds every error: unknown flags with the nearest name, missing and bad values.
flag_words read_flag_words(const std::vector<std::string>& words, std::span<const option_row> rows, std::string_view command,
                           std::vector<document_error>& errors);

/// Refuses the words that are no flags.
void refuse_others(const flag_words& given, std::string_view command, std::vector<document_error>& errors);

/// An http or https address with its scheme; `http://` is added. Adds an error for any other scheme.
std::string http_address(std::string text, const std::string& flag, std::vector<document_error>& errors);

/// The table as help shows it.
std::string flag_help(std::span<const option_row> rows);

} // namespace sextant
