// report_parts.hpp: The tables of the report, each a piece of HTML. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// Alternatives to the pick; nothing if there are none.
/// Recommended pairs that were deployed together: predicted beside measured. Empty if none was.
std::string report_confirmations(const profile_result& result);
std::string report_alternatives(const profile_result& result);
/// Every candidate, what became of it and why.
std::string report_candidates(const profile_result& result, const std::vector<point_measured>& points);
/// Failed attempts with the engine's last lines, and points that do not count.
std::string report_failures(const profile_result& result, const std::vector<point_measured>& points);
/// Clock, engines, budgets, remarks.
std::string report_method(const profile_request& request, const profile_result& result,
                          const std::vector<point_measured>& points, const std::vector<std::string>& remarks);
/// Every measured point, folded.
std::string report_points(const std::vector<point_measured>& points);

} // namespace sextant
