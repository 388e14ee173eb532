#include "adapters/aic/opened_tables.hpp"

#include "adapters/aic/table_timer.hpp"

namespace sextant::performance {

opened_tables open_tables(const std::string& given) {
  opened_tables opened;
  opened.path = tables_path(given);
  if (opened.path.empty() || opened.path == "none") {
    opened.path.clear();
    return opened;
  }
  opened.tables = packed_tables::open(opened.path, opened.error);
  opened.timers = make_table_timers(opened.tables);
  return opened;
}

const opened_tables& installed_tables() {
  static const auto installed = open_tables("");
  return installed;
}

} // namespace sextant::performance
