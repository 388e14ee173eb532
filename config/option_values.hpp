// option_values.hpp: From written text to the one canonical text of a value. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/options.hpp"

namespace sextant {

/// Shortest decimal text of a number that reads back as the same number.
std::string number_text(double value);

/// A decimal number, quoted or not: sign, digits, fraction, exponent. Not: hexadecimal, `1_000`, `010` (octal in YAML 1.1),
/// NaN, infinity, blanks.
std::optional<double> parse_number(std::string_view text);

/// `true`, `yes`, `on`, and their opposites in any of YAML's capitalisations.
std::optional<bool> parse_boolean(std::string_view text);

/// Seconds: a plain number, or a number with `s`, `m` or `h`.
std::optional<double> parse_duration(std::string_view text);

/// The canonical text of a scalar value, or nothing; `hint` then may say how to cure it.
std::optional<std::string> canonical_value(const option_row& row, std::string_view text, std::string& hint);

/// A value as an error shows it: control characters escaped, cut to a readable length, always valid UTF-8.
std::string shown(std::string_view text);

/// Whether a text is valid UTF-8 (no overlong forms, no surrogates); else `bad` is the offset of the first bad byte.
bool valid_utf8(std::string_view text, std::size_t& bad);

} // namespace sextant
