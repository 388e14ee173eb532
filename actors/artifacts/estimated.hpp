// estimated.hpp: What of an output directory says that nothing was measured: points, marks, tables of deployments. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// The predictions of an estimate in the form of points, so that charts, curves and later picks treat them alike. Their
/// clock is `estimated`, and they have no samples.
std::vector<point_measured> estimated_points(const profile_result& result);

/// A comment that stands before every document of an estimate; empty for other answers.
std::string estimate_comment(const profile_result& result);

/// Deployments that the model compared: the pick, and why not the others. Empty without any.
std::string report_deployments(const profile_result& result);

/// Predicted beside measured, for every point that has both. Empty without any.
std::string report_predictions(const profile_result& result);

/// `prefill` or `decode`, as the engine id begins.
phase role_of(const std::string& engine);

} // namespace sextant
