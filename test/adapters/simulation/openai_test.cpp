// openai_test.cpp: Which request bodies a simulated engine takes, what it says to the others, and the shape of its answers.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "adapters/simulation/openai_answer.hpp"
#include "adapters/simulation/openai_request.hpp"

using namespace sextant;
using nlohmann::json;

namespace {

openai_refusal read(std::string body, openai_request& out, openai_endpoint endpoint = openai_endpoint::completions,
                    int vocab = 2000) {
  static openai_reader reader;
  out = {};
  return reader.read(body, endpoint, vocab, out);
}

std::string refused(std::string body, openai_endpoint endpoint = openai_endpoint::completions) {
  openai_request out;
  const auto refusal = read(std::move(body), out, endpoint);
  CHECK(refusal.status == 400);
  return refusal.message;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The JSON documents of an event stream; `[DONE]` becomes a text.
std::vector<json> events(const std::string& stream) {
  std::vector<json> all;
  size_t at = 0;
  for (size_t end = 0; (end = stream.find("\n\n", at)) != std::string::npos; at = end + 2) {
    const auto line = stream.substr(at, end - at);
    REQUIRE(line.rfind("data: ", 0) == 0);
    all.push_back(line == "data: [DONE]" ? json("[DONE]") : json::parse(line.substr(6)));
  }
  CHECK(at == stream.size());
  return all;
}

} // namespace

TEST_CASE("token ids are taken as they are") {
  openai_request r;
  CHECK(read(R"({"model":"m","prompt":[1000,1001,7],"max_tokens":5,"min_tokens":5,"ignore_eos":true,"stream":true,
                 "stream_options":{"include_usage":true},"temperature":0.5})",
             r)
            .status
        == 0);
  CHECK(r.model == "m");
  CHECK(r.prompt == std::vector<uint32_t>{1000, 1001, 7});
  CHECK(r.max_tokens == 5);
  CHECK(r.stream);
  CHECK(r.include_usage);
  CHECK(read(R"({"prompt":[[4,5]],"max_tokens":1,"model":"m"})", r).status == 0);
  CHECK(r.prompt == std::vector<uint32_t>{4, 5});
  CHECK_FALSE(r.stream);
}

TEST_CASE("texts are cut into tokens of four bytes, equal for equal text") {
  openai_request a, b;
  CHECK(read(R"({"model":"m","prompt":"abcdefghij","max_tokens":1})", a).status == 0);
  CHECK(a.prompt.size() == 3);
  CHECK(read(R"({"model":"m","prompt":["abcdefgh"],"max_tokens":1})", b).status == 0);
  CHECK(b.prompt == std::vector<uint32_t>(a.prompt.begin(), a.prompt.begin() + 2));
}

TEST_CASE("chat messages become one prompt and max_completion_tokens comes first") {
  openai_request r;
  CHECK(read(R"({"model":"m","messages":[{"role":"system","content":"12345678"},
                 {"role":"user","content":[{"type":"text","text":"1234"}]}],"max_completion_tokens":7,"max_tokens":9})",
             r, openai_endpoint::chat)
            .status
        == 0);
  CHECK(r.prompt.size() == 2 + 2 + 1 + 1);
  CHECK(r.max_tokens == 7);
}

TEST_CASE("malformed bodies are refused with what is wrong") {
  CHECK(has(refused(""), "parse"));
  CHECK(has(refused("{"), "parse"));
  CHECK(has(refused("[1]"), "object"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1} x)"), "parse"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1} {})"), "behind"));
  CHECK(has(refused(R"({"model":"m","prompt":[1,2)"), "parse"));
  CHECK(has(refused("{\"model\":\"\xff\"}"), "parse"));
  CHECK(has(refused(R"({"prompt":[1],"max_tokens":1})"), "`model`"));
  CHECK(has(refused(R"({"model":"m","max_tokens":1})"), "`prompt`"));
  CHECK(has(refused(R"({"model":"m","max_tokens":1})", openai_endpoint::chat), "`messages`"));
  CHECK(has(refused(R"({"model":"m","prompt":[],"max_tokens":1})"), "empty"));
  CHECK(has(refused(R"({"model":"m","prompt":[1]})"), "`max_tokens` is required"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":0})"), "greater than 0"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":-4})"), "`max_tokens`"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1e99})"), "`max_tokens`"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1,"min_tokens":2})"), "`min_tokens`"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1,"stream":"yes"})"), "`stream`"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1,"n":2})"), "`n`"));
  CHECK(has(refused(R"({"model":"m","prompt":[2000],"max_tokens":1})"), "vocabulary"));
  CHECK(has(refused(R"({"model":"m","prompt":[-1],"max_tokens":1})"), "prompt"));
  CHECK(has(refused(R"({"model":"m","prompt":{"a":1},"max_tokens":1})"), "prompt"));
  CHECK(has(refused(R"({"model":"m","prompt":[[1],[2]],"max_tokens":1})"), "Batch token input not supported"));
  CHECK(has(refused(R"({"model":"m","messages":["x"],"max_tokens":1})", openai_endpoint::chat), "messages"));
}

TEST_CASE("unknown fields are refused by name, all of them") {
  CHECK(refused(R"({"model":"m","prompt":[1],"max_tokens":1,"foo":1,"bar":{"x":[]}})")
        == "Validation: Unsupported parameter(s): `foo`, `bar`");
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1,"messages":[]})"), "`messages`"));
  CHECK(has(refused(R"({"model":"m","prompt":[1],"max_tokens":1,"nvext":{"ignore_eos":true}})"), "`ignore_eos`"));
}

TEST_CASE("errors are JSON whatever they quote") {
  const auto error = json::parse(openai_error(400, "a \"b\" \n \\"));
  CHECK(error["message"] == "a \"b\" \n \\");
  CHECK(error["type"] == "Bad Request");
  CHECK(error["code"] == 400);
}

TEST_CASE("a completion stream has one event per token, a finish reason, usage and an end") {
  const openai_answer answer{openai_endpoint::completions, 77, "org/model", 1700000000};
  std::string stream;
  for (int i = 0; i < 3; ++i)
    answer.token_event(stream, i);
  answer.last_events(stream, {10, 3, 8}, true);
  const auto all = events(stream);
  REQUIRE(all.size() == 6);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(all[i]["choices"][0]["text"].get<std::string>().rfind(" tok", 0) == 0);
    CHECK_FALSE(all[i]["choices"][0].contains("finish_reason"));
    CHECK(all[i]["object"] == "text_completion");
    CHECK(all[i]["usage"].is_null());
    CHECK(all[i]["id"] == all[0]["id"]);
    CHECK(all[i]["model"] == "org/model");
  }
  CHECK(all[3]["choices"][0]["text"] == "");
  CHECK(all[3]["choices"][0]["finish_reason"] == "length");
  CHECK(all[4]["choices"].empty());
  CHECK(all[4]["usage"]["prompt_tokens"] == 10);
  CHECK(all[4]["usage"]["completion_tokens"] == 3);
  CHECK(all[4]["usage"]["total_tokens"] == 13);
  CHECK(all[4]["usage"]["prompt_tokens_details"]["cached_tokens"] == 8);
  CHECK(all[5] == "[DONE]");
}

TEST_CASE("a chat stream names the role once, and usage only when asked for") {
  const openai_answer answer{openai_endpoint::chat, 78, "m", 1700000000};
  std::string stream;
  answer.token_event(stream, 0);
  answer.token_event(stream, 1);
  answer.last_events(stream, {10, 2, 0}, false);
  const auto all = events(stream);
  REQUIRE(all.size() == 4);
  CHECK(all[0]["choices"][0]["delta"]["role"] == "assistant");
  CHECK_FALSE(all[1]["choices"][0]["delta"].contains("role"));
  CHECK(all[1]["object"] == "chat.completion.chunk");
  CHECK(all[2]["choices"][0]["delta"].empty());
  CHECK(all[2]["choices"][0]["finish_reason"] == "length");
}

TEST_CASE("whole answers hold the text of their stream") {
  const openai_answer plain{openai_endpoint::completions, 5, "m", 1};
  const auto body = json::parse(plain.whole({4, 3, 0}));
  std::string text, stream;
  for (int i = 0; i < 3; ++i)
    append_token_text(text, 5, i);
  CHECK(body["choices"][0]["text"] == text);
  CHECK(body["choices"][0]["finish_reason"] == "length");
  CHECK(body["usage"]["total_tokens"] == 7);
  const auto chat = json::parse(openai_answer{openai_endpoint::chat, 5, "m", 1}.whole({4, 3, 0}));
  CHECK(chat["choices"][0]["message"]["content"] == text);
  CHECK(chat["choices"][0]["message"]["role"] == "assistant");
  CHECK(chat["object"] == "chat.completion");
}
