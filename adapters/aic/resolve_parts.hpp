// resolve_parts.hpp: What the kinds of ops share on their way from an op to its times. Inside of resolve.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aic/lookup.hpp"
#include "adapters/aic/resolve.hpp"

namespace sextant::performance {

/// How the rows of a table are to be found and read.
struct query {
  std::string_view table;
  std::string_view backend; ///< empty: the engine's; else that of a library all back ends share
  std::vector<key_rule> keys;
  std::vector<size_rule> sizes;
  sample_axes axes;
  surface_sizes over = surface_sizes::rows;
  /// The op that a group of rows was measured for, from its sizes in the order of `sizes` and from its chunk.
  std::function<op(const std::vector<double>&, const chunk_info&)> measured;
  float error = 0.05F; ///< of an exact shape between its samples
};

/// Of all tables, the best answer: one that fits exactly from a farther table beats a poor fit in a near one.
std::optional<resolved_op> resolve_by(const resolve_context& c, const op& x, const query& q);

/// How samples of `measured` become a surface of `x`: formulas for the gaps, peaks as the floor. `same`: they are one shape.
surface_plan plan_for(const resolve_context& c, surface_sizes sizes, const op& x, const op& measured, bool same);

/// A source for people: system, back end, version, op, kernels, file.
std::string source_text(const packed_tables& tables, uint32_t table, std::string_view kernels);

/// Times over rows of a pass over `k` activations of each row: `table` holds them by k.
std::optional<resolved_op> resolve_pass(const resolve_context& c, std::string_view table, double k);

/// Times of the experts of a mixture.
std::optional<resolved_op> resolve_experts(const resolve_context& c, const op& x);

/// Times of a matrix product.
std::optional<resolved_op> resolve_product(const resolve_context& c, const op& x);

} // namespace sextant::performance
