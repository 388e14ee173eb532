// charts.hpp: The seven pictures of a profile as chart descriptions. Pure; drawing is gnuplot's business.
#pragma once

#include <string>
#include <vector>

#include "adapters/gnuplot/plot.hpp"
#include "messages/profile.hpp"

namespace sextant {

/// A chart and the file it is drawn into, relative to the output directory.
struct named_chart {
  std::string file;
  chart what;
};

/// Dollars per GPU-hour in the cost chart, as in the reference profiler.
constexpr double gpu_cost_per_hour = 3.0;

/// All seven charts, also when there is little or nothing to show; with compared deployments their front as well.
std::vector<named_chart> profile_charts(const profile_request& request, const profile_result& result,
                                        const std::vector<point_measured>& points);

/// GPU-hours per 1000 requests of the SLA's shape.
double gpu_hours_per_1000(const service_level& sla, double prefill_throughput_per_gpu, double decode_throughput_per_gpu);

} // namespace sextant
