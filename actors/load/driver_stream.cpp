// driver_stream.cpp: One JSON chunk of a streamed completion.
#include "actors/load/driver_stream.hpp"

#include <simdjson.h>

namespace sextant::load {

namespace {

/// The engine's own words about an error, shortened.
std::string error_text(std::string_view data) {
  constexpr size_t enough = 300;
  return "the engine reports: " + std::string{data.substr(0, enough)};
}

uint32_t count(const simdjson::dom::element& usage, const char* pointer) {
  uint64_t n = 0;
  return usage.at_pointer(pointer).get(n) == simdjson::SUCCESS && n <= UINT32_MAX ? static_cast<uint32_t>(n) : 0;
}

void read_choice(const simdjson::dom::element& root, stream_event& out) {
  std::string_view text;
  if (root.at_pointer("/choices/0/text").get(text) == simdjson::SUCCESS
      || root.at_pointer("/choices/0/delta/content").get(text) == simdjson::SUCCESS)
    out.token = !text.empty();
  out.finished = root.at_pointer("/choices/0/finish_reason").get(text) == simdjson::SUCCESS;
}

} // namespace

stream_event read_stream_event(std::string_view name, std::string_view data) {
  stream_event out;
  if (data == "[DONE]") {
    out.done = true;
    return out;
  }
  // One parser and one padded buffer for each thread: parsing allocates nothing once both have grown.
  thread_local simdjson::dom::parser parser;
  thread_local std::string padded;
  padded.assign(data);
  padded.append(simdjson::SIMDJSON_PADDING, '\0');
  simdjson::dom::element root;
  if (const auto bad = parser.parse(padded.data(), data.size(), false).get(root)) {
    out.malformed = name != "error";
    out.error = out.malformed ? std::string{"an event is not JSON: "} + simdjson::error_message(bad) : error_text(data);
    return out;
  }
  simdjson::dom::array choices;
  if (name == "error" || !root.is_object() || root["choices"].get(choices) != simdjson::SUCCESS) {
    out.error = error_text(data);
    return out;
  }
  if (choices.begin() != choices.end())
    read_choice(root, out);
  simdjson::dom::element usage;
  if (root["usage"].get(usage) == simdjson::SUCCESS && usage.is_object()) {
    out.has_usage = true;
    out.prompt_tokens = count(usage, "/prompt_tokens");
    out.completion_tokens = count(usage, "/completion_tokens");
    out.cached_tokens = count(usage, "/prompt_tokens_details/cached_tokens");
  }
  return out;
}

} // namespace sextant::load
