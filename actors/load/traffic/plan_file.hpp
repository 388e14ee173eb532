// plan_file.hpp: A schedule as JSON lines, so that exactly the same traffic can be sent again, or elsewhere. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/load/traffic/schedule.hpp"
#include "messages/request.hpp"

namespace sextant::load {

/// Hands over the plan line by line: a head with the limits, then one line per request in order of index. Fields at their
/// default are left out. Prompts follow from the seed (or from the data set, which the plan does not contain).
void write_plan(const traffic_schedule& schedule, const std::function<void(std::string_view)>& sink);

/// Reads such a file. Every bad line is an error with its number, at most 50.
traffic_schedule read_plan(std::string_view text, const std::string& source, std::vector<document_error>& errors);

} // namespace sextant::load
