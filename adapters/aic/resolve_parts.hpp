// resolve_parts.hpp: What the kinds of ops share on their way from an op to its times. Inside of resolve.
#pragma once

#include <string>
#include <string_view>

#include "adapters/aic/resolve.hpp"

namespace sextant::performance {

/// How samples of `measured` become a surface of `x`: formulas for the gaps, peaks as the floor. `same`: they are one shape.
surface_plan plan_for(const resolve_context& c, surface_sizes sizes, const op& x, const op& measured, bool same);

/// A source for people: system, back end, version, op, kernels, file.
std::string source_text(const packed_tables& tables, uint32_t table, std::string_view kernels);

/// Times over rows of a pass over `k` activations of each row: `table` holds them by k.
std::optional<resolved_op> resolve_pass(const resolve_context& c, std::string_view table, double k);

/// Times of a matrix product.
std::optional<resolved_op> resolve_product(const resolve_context& c, const op& x);

} // namespace sextant::performance
