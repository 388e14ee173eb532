// writer.hpp: Writes everything a request leaves behind. The part of ARTIFACTS that is not an actor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant {

/// What came of writing.
struct write_outcome {
  std::vector<std::string> files;   ///< relative to the directory, sorted
  std::string error;                ///< empty on success
  std::vector<std::string> remarks; ///< what is missing without spoiling the result, e.g. plots where gnuplot is
};

/// Writes the output directory of the reference sheet, section 8 (and its plots, reports, ConfigMaps). Every file appears
/// atomically (written beside, then renamed); `profiler_status.yaml` comes last. Blocks; may be called again for the same
/// directory. `points` are all results with samples, in stream order; `engines` all engines that became ready.
write_outcome write_output(const std::string& directory, const write_artifacts& what,
                           const std::vector<point_measured>& points, const std::vector<engine_ready>& engines);

/// What writes output directories.
using output_writer = std::function<write_outcome(const std::string& directory, const write_artifacts&,
                                                  const std::vector<point_measured>&, const std::vector<engine_ready>&)>;

/// Writes or replaces `profiler_status.yaml` alone. `status`: running, success or failed.
std::string write_status(const std::string& directory, const std::string& status, const std::string& message,
                         const std::string& error, const std::string& stage, bool with_outputs);

/// Writes one point's AIPerf-format export as soon as it is measured. Returns an error text or nothing.
std::string write_point(const std::string& directory, const profile_request& request, const point_measured& point);

} // namespace sextant
