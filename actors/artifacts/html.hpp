// html.hpp: Pieces of HTML. Every text that comes from outside passes `escaped`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sextant::html {

/// Text with everything replaced that HTML would read as markup, also inside attributes.
std::string escaped(std::string_view text);

std::string base64(std::string_view bytes);

/// A number with so many decimals and thin thousands separators.
std::string number(double value, int decimals = 0);

/// A cell of a table: ready HTML, and whether it is a number.
struct cell {
  std::string content;
  bool numeric = false;
};

cell text(std::string_view value);
cell value(double number, int decimals = 0);
/// HTML that was built from escaped parts.
cell raw(std::string content);

/// A table; an empty one says so.
std::string table(const std::vector<std::string>& header, const std::vector<std::vector<cell>>& rows);

/// A part that is folded until the reader opens it.
std::string folded(std::string_view summary, const std::string& content);

/// Style sheet of the report.
std::string_view style();

} // namespace sextant::html
