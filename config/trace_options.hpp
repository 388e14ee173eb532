// trace_options.hpp: The flags of `sextant trace`, and the body that they make for an engine's profiling route. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/request.hpp"

namespace sextant {

/// What `trace` was asked for.
struct trace_options {
  bool help = false;
  bool start = false; ///< else stop
  std::string url;    ///< a worker's system address
  std::string body;   ///< JSON for the start route; `{}` lets the engine use its defaults
  int64_t timeout_ms = 0;
};

/// Takes the words behind `trace` apart: `start` or `stop`, then flags. Every error at once.
trace_options read_trace_options(const std::vector<std::string>& words, std::vector<document_error>& errors);

/// Paths of a profiling route, newest release last (reference sheet, section 17; SGLang moved it below `control`).
std::vector<std::string> trace_paths(bool start);

/// `sextant trace --help`.
std::string trace_help_text();

} // namespace sextant
