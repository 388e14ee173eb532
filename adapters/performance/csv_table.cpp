#include "adapters/performance/csv_table.hpp"

#include <algorithm>
#include <set>

namespace sextant::performance {

namespace {

/// Cuts text into records. A quote inside of quotes is doubled; line breaks inside of quotes belong to the cell.
class record_reader {
public:
  explicit record_reader(std::string_view text) : text_{text} {
    if (text_.starts_with("\xEF\xBB\xBF"))
      text_.remove_prefix(3);
  }

  bool done() const { return at_ >= text_.size(); }
  int line() const { return line_; }

  /// Cells of the next record; an error text if a quote is never closed or text follows a closed one.
  std::string read(std::vector<std::string>& cells) {
    cells.assign(1, {});
    std::string error;
    bool quoted = false, closed = false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (quoted) {
        if (c == '"' && at_ < text_.size() && text_[at_] == '"')
          cells.back() += text_[at_++];
        else if (c == '"')
          quoted = false, closed = true;
        else {
          line_ += c == '\n';
          cells.back() += c;
        }
        continue;
      }
      if (c == '\n') {
        ++line_;
        return error;
      }
      if (c == '\r')
        continue;
      if (c == ',') {
        cells.emplace_back();
        closed = false;
      } else if (c == '"' && cells.back().empty() && !closed) {
        quoted = true;
      } else if (closed) {
        error = "text after a closing quote";
      } else {
        cells.back() += c;
      }
    }
    return quoted ? "a quote is never closed" : error;
  }

private:
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos)
    return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

} // namespace

int csv_table::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

std::string_view csv_table::cell(std::size_t row, std::string_view column_name) const {
  const int i = column(column_name);
  return i < 0 ? std::string_view{} : trimmed(rows[row][static_cast<std::size_t>(i)]);
}

csv_table read_csv(std::string_view text, std::vector<std::string>& errors) {
  csv_table table;
  record_reader reader{text};
  const auto place = [](int line) { return "line " + std::to_string(line) + ": "; };
  if (reader.done()) {
    errors.push_back(place(1) + "found nothing, accepted: a header line with column names");
    return table;
  }
  if (auto error = reader.read(table.columns); !error.empty())
    errors.push_back(place(1) + error);
  std::set<std::string_view> names;
  for (auto& name : table.columns) {
    name = std::string{trimmed(name)};
    if (!name.empty() && !names.insert(name).second)
      errors.push_back(place(1) + "column '" + name + "' is there twice");
  }
  while (!reader.done()) {
    const int line = reader.line();
    std::vector<std::string> cells;
    if (auto error = reader.read(cells); !error.empty()) {
      errors.push_back(place(line) + error);
      continue;
    }
    if (cells.size() == 1 && trimmed(cells[0]).empty())
      continue;
    if (cells.size() != table.columns.size()) {
      errors.push_back(place(line) + "found " + std::to_string(cells.size())
                       + " cells, accepted: " + std::to_string(table.columns.size()) + ", as in the header");
      continue;
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos)
    return std::string{text};
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"')
      quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

} // namespace sextant::performance
