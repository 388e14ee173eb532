// driver_stream.hpp: Reads the events of a streamed completion. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sextant::load {

/// What one event says.
struct stream_event {
  bool done = false;     ///< `[DONE]`
  bool token = false;    ///< text that is not empty: one token event
  bool finished = false; ///< a finish reason is there
  bool has_usage = false;
  uint32_t prompt_tokens = 0;
  uint32_t completion_tokens = 0;
  uint32_t cached_tokens = 0;
  std::string error;      ///< the engine reports one, or the event is not what it should be
  bool malformed = false; ///< `error` is about the form, not about what the engine reports
};

/// Reads the data of one event; `name` is the event's name.
stream_event read_stream_event(std::string_view name, std::string_view data);

} // namespace sextant::load
