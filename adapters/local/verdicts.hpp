// verdicts.hpp: What it means when a process of an engine ended: class and cause from its end and its last lines. Pure.
#pragma once

#include <string>
#include <vector>

#include "adapters/process/kept_process.hpp"
#include "messages/failure.hpp"

namespace sextant::local {

/// Judges the end of a service. What more attempts cannot cure (memory, flags, missing packages or models) is permanent.
failure judge_end(const std::string& service, const process_end& end, bool was_ready, const std::vector<std::string>& tail);

/// The last lines of a text without colour codes, at most `count`.
std::vector<std::string> last_lines(const std::string& text, size_t count);

} // namespace sextant::local
