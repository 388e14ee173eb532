// policy.hpp: What a phase still has to measure, by policy. Pure functions of what is known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/search/state.hpp"

namespace sextant::searching {

/// A candidate that still has something to tell.
struct need {
  size_t candidate = 0;           ///< index in `knowledge::candidates`
  std::optional<point_plan> next; ///< nothing while the engine must run before its points are known
  int points = 1;                 ///< points that may follow, for the progress display
  bool likely = true;             ///< still to be measured if the most promising one turns out as expected
};

/// Sweep measurements of a phase that may still change its pick, most promising first. Empty: the pick stands.
std::vector<need> adaptive_needs(const knowledge& known, phase role);

/// Sweep measurements of a phase that the reference would still make, largest engines first.
std::vector<need> exhaustive_needs(const knowledge& known, phase role);

/// Why a candidate without measurements, or with fewer than its grid, was left alone; empty when it was not.
std::string why_pruned(const knowledge& known, const candidate_track& candidate);

} // namespace sextant::searching
