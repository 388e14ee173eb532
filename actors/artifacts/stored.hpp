// stored.hpp: What an output directory keeps for asking again: the answer and every measured point.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// An output directory read back.
struct stored_profile {
  write_artifacts what;
  std::vector<point_measured> points;
};

/// Reads `sextant_result.json` and `points.jsonl`. On failure `error` says what is wrong, with file and line.
stored_profile read_stored(const std::string& directory, std::string& error);

/// Text of `sextant_result.json`.
std::string stored_result_text(const write_artifacts& what);

/// Text of `points.jsonl`: one point in a line, in stream order.
std::string stored_points_text(const std::vector<point_measured>& points);

} // namespace sextant
