// stream_event_fuzz.cpp: Arbitrary bytes as the data of an event: what the scan accepts is JSON, and says the same when a
// full parser reads it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "actors/load/stream_event.hpp"

using namespace sextant::load;

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

bool has_key(const nlohmann::json& object, const char* key) {
  return object.is_object() && object.contains(key);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto event = read_stream_event("", text);
  (void)answer_text(text);
  (void)listed_models(text);
  (void)read_plain_answer(text);
  require(!event.malformed || !event.error.empty());
  if (event.done || !event.error.empty())
    return 0;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) // the scan does not look into strings whether they are UTF-8
    return 0;
  require(json.is_object());
  require(has_key(json, "choices") || has_key(json, "data") || has_key(json, "usage"));
  require(!event.has_usage || json["usage"].is_object());
  require(!event.output || event.output_bytes > 0);
  return 0;
}
