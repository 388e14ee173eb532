// csv_table.hpp: Reads and writes comma-separated text: quoted fields, CRLF, a byte order mark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sextant::performance {

/// A table with named columns. Every row has as many cells as there are columns.
struct csv_table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  /// Index of a column; -1 if there is none.
  int column(std::string_view name) const;
  /// A cell without surrounding blanks; empty if the column is missing.
  std::string_view cell(std::size_t row, std::string_view column_name) const;
};

/// Reads a table. Every mistake is appended to `errors` as `line N: what`; rows with mistakes are left out.
csv_table read_csv(std::string_view text, std::vector<std::string>& errors);

/// A cell as it must be written: quoted if it holds a comma, a quote or a line break.
std::string csv_cell(std::string_view text);

} // namespace sextant::performance
