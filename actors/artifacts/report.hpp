// report.hpp: `report.html`: one page without links to elsewhere, the answer first. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// What the page shows besides messages.
struct report_extras {
  std::string written_at;                      ///< time of writing, for people
  std::map<std::string, std::string> pictures; ///< PNG bytes by file name relative to the output directory
  std::string deployment;                      ///< text of `config_with_planner.yaml`
  std::vector<std::string> remarks;            ///< what could not be written, and why
};

/// The whole page.
std::string report_html(const profile_request& request, const profile_result& result,
                        const std::vector<point_measured>& points, const report_extras& extras);

} // namespace sextant
