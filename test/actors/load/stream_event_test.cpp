#include "actors/load/stream_event.hpp"

#include <catch2/catch.hpp>

using namespace sextant::load;

TEST_CASE("an event of each dialect is output, a role and a usage are not") {
  for (const auto* text : {R"({"choices":[{"index":0,"text":"a"}]})", R"({"choices":[{"delta":{"content":"a"}}]})",
                           R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{"}}]}}]})"}) {
    const auto e = read_stream_event("", text);
    CAPTURE(text);
    CHECK(e.output);
    CHECK_FALSE(e.reasoning);
    CHECK(e.error.empty());
  }
  CHECK(read_stream_event("", R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})").reasoning);
  const auto role = read_stream_event("", R"({"choices":[{"delta":{"role":"assistant"}}]})");
  CHECK(role.choices);
  CHECK_FALSE(role.output);
  const auto usage = read_stream_event("", R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})");
  CHECK_FALSE(usage.choices);
  CHECK(usage.prompt_tokens == 7);
  CHECK(usage.completion_tokens == 3);
  CHECK(read_stream_event("", "[DONE]").done);
}

TEST_CASE("errors that an engine reports differ from what is no JSON") {
  const auto reported = read_stream_event("", R"({"error":{"message":"out of memory"}})");
  CHECK_FALSE(reported.malformed);
  CHECK(reported.error.find("out of memory") != std::string::npos);
  CHECK(read_stream_event("error", "anything").error.find("anything") != std::string::npos);
  CHECK(read_stream_event("", "{\"choices\":[").malformed);
  CHECK_FALSE(read_stream_event("", R"({"what":"ever"})").error.empty());
}

TEST_CASE("whole answers: text, chat, embeddings") {
  CHECK(read_plain_answer(R"({"choices":[{"text":"abc"}],"usage":{"prompt_tokens":4,"completion_tokens":1}})").output);
  const auto embedded =
      read_plain_answer(R"({"object":"list","data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":9}})");
  CHECK(embedded.output);
  CHECK(embedded.prompt_tokens == 9);
  CHECK(embedded.error.empty());
  CHECK(answer_text(R"({"choices":[{"message":{"content":"a\nb"}}]})") == "a\nb");
}

TEST_CASE("the models that an endpoint lists") {
  CHECK(listed_models(R"({"object":"list","data":[{"id":"a"},{"id":"b","x":1},{"no":"id"}]})")
        == std::vector<std::string>{"a", "b"});
  CHECK(listed_models("nonsense").empty());
  CHECK(listed_models("{}").empty());
}
