// openai_request.cpp: One pass over the JSON with simdjson; prompts of thousands of token ids are the common case.
#include "adapters/simulation/openai_request.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <simdjson.h>

namespace sextant {

namespace {

namespace od = simdjson::ondemand;

constexpr std::array common_fields{"model",
                                   "max_tokens",
                                   "min_tokens",
                                   "ignore_eos",
                                   "stream",
                                   "stream_options",
                                   "temperature",
                                   "top_p",
                                   "top_k",
                                   "min_p",
                                   "n",
                                   "seed",
                                   "stop",
                                   "stop_token_ids",
                                   "logprobs",
                                   "presence_penalty",
                                   "frequency_penalty",
                                   "repetition_penalty",
                                   "logit_bias",
                                   "user",
                                   "nvext",
                                   "include_stop_str_in_output",
                                   "skip_special_tokens",
                                   "prompt_logprobs",
                                   "prompt_cache_key",
                                   "guided_json",
                                   "guided_regex",
                                   "guided_grammar",
                                   "guided_choice",
                                   "guided_decoding_backend"};
constexpr std::array completion_fields{"prompt", "best_of", "echo", "suffix"};
constexpr std::array chat_fields{"messages",
                                 "max_completion_tokens",
                                 "tools",
                                 "tool_choice",
                                 "parallel_tool_calls",
                                 "response_format",
                                 "top_logprobs",
                                 "reasoning_effort",
                                 "chat_template_args",
                                 "chat_template_kwargs",
                                 "metadata",
                                 "store",
                                 "service_tier"};

template <class Fields>
bool contains(const Fields& fields, std::string_view name) {
  return std::find(fields.begin(), fields.end(), name) != fields.end();
}

bool known_field(openai_endpoint endpoint, std::string_view name) {
  return contains(common_fields, name)
         || (endpoint == openai_endpoint::chat ? contains(chat_fields, name) : contains(completion_fields, name));
}

/// One token for every four bytes: equal text gives equal tokens, and texts with a common beginning share their blocks.
void tokenize(std::string_view text, std::vector<uint32_t>& tokens) {
  for (size_t begin = 0; begin < text.size(); begin += 4) {
    uint32_t hash = 2166136261u;
    for (char c : text.substr(begin, 4))
      hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    tokens.push_back(hash);
  }
}

/// Collects the first thing that is wrong while fields are read.
class body_reader {
public:
  body_reader(openai_endpoint endpoint, int vocab, openai_request& out) : endpoint_(endpoint), vocab_(vocab), out_(out) {}

  openai_refusal read(od::document& document);

private:
  bool fail(int status, std::string message) {
    if (refusal_.status == 0)
      refusal_ = {status, std::move(message)};
    return false;
  }
  bool wrong(std::string_view field, std::string_view wanted) {
    return fail(400, "Validation: `" + std::string{field} + "` must be " + std::string{wanted});
  }
  bool field(std::string_view name, od::value value);
  bool count(std::string_view name, od::value value, int& target);
  bool prompt(od::value value);
  bool prompt_array(od::array array);
  bool token(od::value value);
  bool ids(od::array array);
  bool messages(od::value value);
  bool content(od::value value);
  bool stream_options(od::value value);
  bool extension(od::value value);

  openai_endpoint endpoint_;
  int vocab_;
  openai_request& out_;
  openai_refusal refusal_;
  std::string unknown_;
  int max_tokens_ = -1, max_completion_tokens_ = -1, min_tokens_ = 0;
  bool has_prompt_ = false;
};

bool body_reader::count(std::string_view name, od::value value, int& target) {
  int64_t number = 0;
  if (value.get_int64().get(number) || number < 0 || number > std::numeric_limits<int>::max())
    return wrong(name, "a whole number that is not negative");
  target = static_cast<int>(number);
  return true;
}

bool body_reader::token(od::value value) {
  uint64_t id = 0;
  if (value.get_uint64().get(id) || id > std::numeric_limits<uint32_t>::max())
    return wrong("prompt", "a text or an array of token ids");
  if (vocab_ > 0 && id >= static_cast<uint64_t>(vocab_))
    return fail(400, "Invalid request: token id " + std::to_string(id) + " is outside the vocabulary of "
                         + std::to_string(vocab_));
  out_.prompt.push_back(static_cast<uint32_t>(id));
  return true;
}

bool body_reader::ids(od::array array) {
  for (auto element : array) {
    od::value value;
    if (element.get(value))
      return fail(400, "Failed to parse the JSON body");
    if (!token(value))
      return false;
  }
  return true;
}

/// Token ids, or exactly one text or one array of token ids.
bool body_reader::prompt_array(od::array array) {
  int nested = 0;
  for (auto element : array) {
    od::value value;
    od::json_type type{};
    if (element.get(value) || value.type().get(type))
      return fail(400, "Failed to parse the JSON body");
    if (type == od::json_type::number && nested == 0) {
      if (!token(value))
        return false;
      continue;
    }
    if (nested++ > 0 || !out_.prompt.empty())
      return fail(400, "Batch token input not supported: one prompt per request");
    od::array inner;
    std::string_view text;
    if (type == od::json_type::array && !value.get_array().get(inner)) {
      if (!ids(inner))
        return false;
    } else if (type == od::json_type::string && !value.get_string().get(text)) {
      tokenize(text, out_.prompt);
    } else {
      return wrong("prompt", "a text or an array of token ids");
    }
  }
  return true;
}

bool body_reader::prompt(od::value value) {
  has_prompt_ = true;
  out_.prompt.clear();
  od::json_type type{};
  if (value.type().get(type))
    return fail(400, "Failed to parse the JSON body");
  od::array array;
  std::string_view text;
  if (type == od::json_type::array && !value.get_array().get(array))
    return prompt_array(array);
  if (type != od::json_type::string || value.get_string().get(text))
    return wrong("prompt", "a text or an array of token ids");
  tokenize(text, out_.prompt);
  return true;
}

bool body_reader::content(od::value value) {
  od::json_type type{};
  if (value.type().get(type))
    return fail(400, "Failed to parse the JSON body");
  std::string_view text;
  if (type == od::json_type::null)
    return true;
  if (type == od::json_type::string && !value.get_string().get(text)) {
    tokenize(text, out_.prompt);
    return true;
  }
  od::array parts;
  if (type != od::json_type::array || value.get_array().get(parts))
    return wrong("messages", "an array of objects with `role` and `content`");
  for (auto part : parts) {
    od::object object;
    if (part.get_object().get(object))
      return wrong("messages", "an array of objects with `role` and `content`");
    for (auto member : object) {
      std::string_view key;
      if (member.unescaped_key().get(key))
        return fail(400, "Failed to parse the JSON body");
      if (key == "text" && !member.value().get_string().get(text))
        tokenize(text, out_.prompt);
    }
  }
  return true;
}

bool body_reader::messages(od::value value) {
  has_prompt_ = true;
  out_.prompt.clear();
  od::array array;
  if (value.get_array().get(array))
    return wrong("messages", "an array of objects with `role` and `content`");
  for (auto element : array) {
    od::object message;
    if (element.get_object().get(message))
      return wrong("messages", "an array of objects with `role` and `content`");
    for (auto member : message) {
      std::string_view key, role;
      if (member.unescaped_key().get(key))
        return fail(400, "Failed to parse the JSON body");
      if (key == "role" && !member.value().get_string().get(role))
        tokenize(role, out_.prompt);
      if (key == "content" && !content(member.value()))
        return false;
    }
  }
  return true;
}

bool body_reader::stream_options(od::value value) {
  od::object object;
  if (value.get_object().get(object))
    return wrong("stream_options", "an object");
  for (auto member : object) {
    std::string_view key;
    if (member.unescaped_key().get(key))
      return fail(400, "Failed to parse the JSON body");
    if (key == "include_usage" && member.value().get_bool().get(out_.include_usage))
      return wrong("stream_options.include_usage", "true or false");
  }
  return true;
}

bool body_reader::extension(od::value value) {
  od::object object;
  if (value.get_object().get(object))
    return wrong("nvext", "an object");
  for (auto member : object) {
    std::string_view key;
    if (member.unescaped_key().get(key))
      return fail(400, "Failed to parse the JSON body");
    if (key == "ignore_eos")
      return fail(400, "Failed to deserialize the JSON body into the target type: unknown field `ignore_eos`");
  }
  return true;
}

bool body_reader::field(std::string_view name, od::value value) {
  if (!known_field(endpoint_, name)) {
    unknown_ += (unknown_.empty() ? "`" : ", `") + std::string{name} + "`";
    return true;
  }
  od::json_type type{};
  if (value.type().get(type))
    return fail(400, "Failed to parse the JSON body");
  if (type == od::json_type::null)
    return true;
  if (name == "model") {
    std::string_view text;
    if (value.get_string().get(text))
      return wrong(name, "a text");
    out_.model = text;
    return true;
  }
  if (name == "prompt")
    return prompt(value);
  if (name == "messages")
    return messages(value);
  if (name == "max_tokens")
    return count(name, value, max_tokens_);
  if (name == "max_completion_tokens")
    return count(name, value, max_completion_tokens_);
  if (name == "min_tokens")
    return count(name, value, min_tokens_);
  if (name == "stream")
    return value.get_bool().get(out_.stream) ? wrong(name, "true or false") : true;
  if (name == "stream_options")
    return stream_options(value);
  if (name == "nvext")
    return extension(value);
  int choices = 1;
  if (name == "n" && (!count(name, value, choices) || choices != 1))
    return wrong(name, "1");
  return true;
}

openai_refusal body_reader::read(od::document& document) {
  od::object object;
  if (document.get_object().get(object))
    return {400, "Failed to parse the JSON body: not an object"};
  for (auto member : object) {
    std::string_view key;
    od::value value;
    if (member.unescaped_key().get(key) || member.value().get(value))
      return {400, "Failed to parse the JSON body"};
    const std::string name{key};
    if (!field(name, value))
      return refusal_;
  }
  const char* rest = nullptr;
  if (!document.current_location().get(rest))
    return {400, "Failed to parse the JSON body: text behind the object"};
  if (!unknown_.empty())
    return {400, "Validation: Unsupported parameter(s): " + unknown_};
  if (out_.model.empty())
    return {400, "Failed to deserialize the JSON body into the target type: missing field `model`"};
  if (!has_prompt_)
    return {400, std::string{"Failed to deserialize the JSON body into the target type: missing field `"}
                     + (endpoint_ == openai_endpoint::chat ? "messages`" : "prompt`")};
  if (out_.prompt.empty())
    return {400, "Validation: the prompt cannot be empty"};
  out_.max_tokens = max_completion_tokens_ >= 0 ? max_completion_tokens_ : max_tokens_;
  if (out_.max_tokens < 0)
    return {400, "`max_tokens` is required by a simulated worker"};
  if (out_.max_tokens == 0)
    return {400, "Validation: Max tokens must be greater than 0, got 0"};
  if (min_tokens_ > out_.max_tokens)
    return {400, "Validation: `min_tokens` must not be greater than `max_tokens`"};
  return {};
}

} // namespace

struct openai_reader::state {
  od::parser parser;
};

openai_reader::openai_reader() : state_(std::make_unique<state>()) {
}

openai_reader::~openai_reader() = default;

openai_refusal openai_reader::read(std::string& body, openai_endpoint endpoint, int vocab, openai_request& request) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  od::document document;
  if (state_->parser.iterate(simdjson::padded_string_view(body.data(), body.size(), body.capacity())).get(document))
    return {400, "Failed to parse the JSON body"};
  request.prompt.clear();
  return body_reader{endpoint, vocab, request}.read(document);
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string openai_error(int status, std::string_view message) {
  std::string_view type = "Internal Server Error";
  if (status == 400)
    type = "Bad Request";
  else if (status == 404)
    type = "Not Found";
  else if (status == 405)
    type = "Method Not Allowed";
  else if (status == 409)
    type = "Conflict";
  return "{\"message\":" + json_quoted(message) + ",\"type\":\"" + std::string{type}
         + "\",\"code\":" + std::to_string(status) + "}";
}

} // namespace sextant
