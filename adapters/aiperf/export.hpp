// export.hpp: One measured point in AIPerf's export formats, so that scripts made for AIPerf read our measurements.
#pragma once

#include <map>
#include <string>

#include "messages/measure.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Files of an AIPerf artifact folder for one point, by name: `profile_export_aiperf.json`, `profile_export_aiperf.csv`,
/// `profile_export.jsonl` and `inputs.json`. Pure: equal arguments give equal texts. What AIPerf does not know
/// (clock, speed, interval of the value) stands below the one new key `sextant`.
std::map<std::string, std::string> aiperf_export(const profile_request& request, const point_measured& point);

/// The pass that filled the KV cache before a point, as the run of its own that it is for the reference profiler: same
/// prompts, `warm_osl` output tokens, the point's `warmup` samples. Its records are in AIPerf's phase `profiling`, as such a
/// run writes them.
point_measured warming_run(const point_measured& point);

} // namespace sextant
