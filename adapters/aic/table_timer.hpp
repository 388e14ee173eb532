// table_timer.hpp: Times of ops from measured tables, formulas where nothing was measured. Tier 1.
#pragma once

#include <memory>
#include <string>

#include "adapters/aic/packed_tables.hpp"
#include "adapters/performance/engine_model.hpp"
#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// A timer of one engine. An op is looked for in the tables of the engine's back end and version, then in the nearest other
/// versions, then in other back ends on the same system; shapes between measured ones are interpolated, others are scaled
/// by the formulas' ratio. What no table knows is answered by `fallback`. With no tables (null) all is.
///
/// The first query of an op takes up to milliseconds, later ones well under a microsecond.
std::shared_ptr<const op_timer> make_table_timer(const engine_spec& engine, std::shared_ptr<const packed_tables> tables,
                                                 std::shared_ptr<const op_timer> fallback);

/// The same for any engine. Engines of one model on one GPU share what was found. With no tables (null) the factory is
/// empty.
timer_factory make_table_timers(std::shared_ptr<const packed_tables> tables);

} // namespace sextant::performance
