// opened_tables.hpp: The performance tables that a process answers from.
#pragma once

#include <memory>
#include <string>

#include "adapters/aic/packed_tables.hpp"
#include "adapters/performance/engine_model.hpp"

namespace sextant::performance {

/// Tables with the timers that ask them. Without tables `timers` is empty, and formulas answer.
struct opened_tables {
  std::shared_ptr<const packed_tables> tables;
  timer_factory timers;
  std::string path;  ///< that was looked at; empty: there is none
  std::string error; ///< what is wrong with the file at `path`
};

/// Opens the file that a person gave, or the one of `tables_path` where `given` is empty. `none` means formulas only.
opened_tables open_tables(const std::string& given);

/// Those of this process, opened at the first call: what `tables_path` finds without anybody's word. Thread-safe.
const opened_tables& installed_tables();

} // namespace sextant::performance
