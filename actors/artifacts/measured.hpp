// measured.hpp: Looking up measured points: which belong to the sweep, which to a sample of a curve. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// Mapping in an engine id such as `prefill-TP4`; one GPU if the id has another form.
mapping mapping_of(const std::string& engine);

/// Valid points of a kind and purpose, in stream order; of one engine unless `engine` is empty.
std::vector<const point_measured*> points_of(const std::vector<point_measured>& points, point_kind kind,
                                             const std::string& purpose, const std::string& engine);

/// The measurement behind a sample of the prefill curve, or nothing.
const point_measured* point_behind(const std::vector<point_measured>& points, const std::string& engine,
                                   const prefill_sample& sample);

/// The measurement behind a sample of the decode grid, or nothing.
const point_measured* point_behind(const std::vector<point_measured>& points, const std::string& engine,
                                   const decode_sample& sample);

/// Points that no other beats in both latency and throughput, ascending in latency.
std::vector<const point_measured*> pareto(std::vector<const point_measured*> points);

} // namespace sextant
