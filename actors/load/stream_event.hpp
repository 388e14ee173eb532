// stream_event.hpp: What an answer says, be it one event of a stream or a whole body. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sextant::load {

/// What one event says. Dialects: completions (`text`), chat (`delta.content`), reasoning (`reasoning_content`,
/// `reasoning`), tools (`delta.tool_calls`).
struct stream_event {
  bool done = false;      ///< `[DONE]`
  bool choices = false;   ///< a choice is there, be it of a role or a finish reason only
  bool output = false;    ///< text that is not empty, of any kind: an output event
  bool reasoning = false; ///< all of it is reasoning
  bool finished = false;  ///< a finish reason is there
  bool has_usage = false;
  uint32_t output_bytes = 0; ///< of the text as it stands in the JSON
  uint32_t token_ids = 0;    ///< tokens of the event, where the engine lists their ids
  uint32_t prompt_tokens = 0;
  uint32_t completion_tokens = 0;
  uint32_t cached_tokens = 0;
  uint32_t reasoning_tokens = 0;
  std::string error;      ///< the engine reports one, or the event is not what it should be
  bool malformed = false; ///< `error` is about the form, not about what the engine reports
};

/// Reads the data of one event; `name` is the event's name. Allocates only for errors.
stream_event read_stream_event(std::string_view name, std::string_view data);

/// Reads a whole body that was not streamed: a completion, a chat answer, embeddings.
stream_event read_plain_answer(std::string_view body);

/// The text of the first choice in an event or body, escapes resolved; for sessions, which send it back.
std::string answer_text(std::string_view json);

/// The ids that the answer of `/v1/models` lists; none for anything else.
std::vector<std::string> listed_models(std::string_view body);

} // namespace sextant::load
