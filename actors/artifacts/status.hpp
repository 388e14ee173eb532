// status.hpp: `profiler_status.yaml`, which the operator reads line by line with grep. Pure.
#pragma once

#include <string>

#include "messages/profile.hpp"

namespace sextant {

/// What the status file tells.
struct profiler_status {
  std::string status;    ///< running, success or failed
  std::string timestamp; ///< UTC, `YYYY-MM-DDTHH:MM:SSZ`
  std::string message;
  std::string error;
  std::string stage; ///< v1beta1 sub-phase
  bool with_outputs = false;
  bool with_final_config = false;
};

/// Text of the file: one key per line at the margin, values on one line without quotes or backslashes, still valid YAML.
std::string status_text(const profiler_status& status);

/// A text as such a value.
std::string plain_line(std::string_view text);

/// Message of a request that came to an answer: success, and which target is missed if one is.
std::string outcome_message(const profile_request& request, const profile_result& result);

/// Now, in the form of the status file.
std::string status_time_now();

} // namespace sextant
