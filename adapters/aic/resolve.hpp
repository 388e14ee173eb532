// resolve.hpp: From an op to its times in the tables.
#pragma once

#include <optional>
#include <string>

#include "adapters/aic/packed_tables.hpp"
#include "adapters/aic/surface.hpp"
#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// What an op's surface runs over.
enum class surface_sizes : uint8_t {
  rows,            ///< b: rows of the op
  elements,        ///< b: elements of a message
  expert_rows,     ///< b: rows of all attention ranks together
  prompts,         ///< a: requests, b: tokens of each with what is in its cache
  decodes,         ///< a: requests, b: context of each
  decode_requests, ///< b: requests
};

/// The measured times of an op.
struct resolved_op {
  surface times;
  surface_sizes sizes = surface_sizes::rows;
  float error = 0.1F;
  std::string source; ///< for people
};

/// What resolving needs to know of the engine.
struct resolve_context {
  const engine_spec& engine;
  const packed_tables& tables;
  const op_timer& formulas; ///< shapes of times where tables have gaps
};

/// Times of an op; nothing if no table of the system knows such ops.
std::optional<resolved_op> resolve(const resolve_context& context, const op& x);

/// No kernel is faster: arithmetic at the peak of its format, weights, caches and activations read and written once at
/// the memory's bandwidth; messages at the links' bandwidth. Seconds. `a` and `b` as `surface_sizes` of the kind says.
double physical_floor(const op& x, const engine_spec& engine, double a, double b);

/// The load that sizes (a, b) of a surface stand for.
op_load load_at(surface_sizes sizes, const op& x, double a, double b);

} // namespace sextant::performance
