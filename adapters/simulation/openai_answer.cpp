// openai_answer.cpp: The shapes that Dynamo's frontend streams: one event per token, one with the finish reason, one with
// usage.
#include "adapters/simulation/openai_answer.hpp"

#include <charconv>
#include <cstdio>

namespace sextant {

namespace {

void append_number(std::string& out, uint64_t number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void append_usage(std::string& out, const token_usage& usage) {
  out += "{\"prompt_tokens\":";
  append_number(out, static_cast<uint64_t>(usage.prompt_tokens));
  out += ",\"completion_tokens\":";
  append_number(out, static_cast<uint64_t>(usage.completion_tokens));
  out += ",\"total_tokens\":";
  append_number(out, static_cast<uint64_t>(usage.prompt_tokens + usage.completion_tokens));
  out += ",\"prompt_tokens_details\":{\"cached_tokens\":";
  append_number(out, static_cast<uint64_t>(usage.cached_tokens));
  out += "}}";
}

void append_texts(std::string& out, uint64_t request, int first, int count) {
  for (int i = first; i < first + count; ++i)
    append_token_text(out, request, i);
}

} // namespace

void append_token_text(std::string& out, uint64_t request, int index) {
  const uint64_t mixed = (request * 0x9e3779b97f4a7c15ull + static_cast<uint64_t>(index)) * 0xbf58476d1ce4e5b9ull;
  out += " tok";
  append_number(out, 100 + (mixed >> 40) % 900);
}

openai_answer::openai_answer(openai_endpoint endpoint, uint64_t request, std::string_view model, int64_t created_s)
    : endpoint_(endpoint), request_(request) {
  char id[24];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(request));
  const bool chat = endpoint == openai_endpoint::chat;
  head_ = std::string{"{\"id\":\""} + (chat ? "chatcmpl-" : "cmpl-") + id + "\",\"choices\":[";
  tail_ = "],\"created\":" + std::to_string(created_s) + ",\"model\":" + json_quoted(model);
  tail_ += chat ? ",\"object\":\"chat.completion" : ",\"system_fingerprint\":null,\"object\":\"text_completion";
}

void openai_answer::token_event(std::string& out, int index, int count) const {
  out += "data: ";
  out += head_;
  if (endpoint_ == openai_endpoint::chat) {
    out += "{\"index\":0,\"delta\":{\"content\":\"";
    append_texts(out, request_, index, count);
    out += index == 0 ? "\",\"role\":\"assistant\"},\"finish_reason\":null,\"logprobs\":null}"
                      : "\"},\"finish_reason\":null,\"logprobs\":null}";
    out += tail_;
    out += ".chunk\"}\n\n";
  } else {
    out += "{\"text\":\"";
    append_texts(out, request_, index, count);
    out += "\",\"index\":0}";
    out += tail_;
    out += "\",\"usage\":null}\n\n";
  }
}

void openai_answer::last_events(std::string& out, const token_usage& usage, bool include_usage) const {
  const bool chat = endpoint_ == openai_endpoint::chat;
  out += "data: " + head_;
  out += chat ? "{\"index\":0,\"delta\":{},\"finish_reason\":\"length\",\"logprobs\":null}"
              : "{\"text\":\"\",\"index\":0,\"finish_reason\":\"length\"}";
  out += tail_;
  out += chat ? ".chunk\"}\n\n" : "\",\"usage\":null}\n\n";
  if (include_usage) {
    out += "data: " + head_ + tail_;
    out += chat ? ".chunk\",\"usage\":" : "\",\"usage\":";
    append_usage(out, usage);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

std::string openai_answer::whole(const token_usage& usage) const {
  const bool chat = endpoint_ == openai_endpoint::chat;
  std::string out = head_;
  out += chat ? "{\"index\":0,\"message\":{\"content\":\"" : "{\"text\":\"";
  append_texts(out, request_, 0, usage.completion_tokens);
  out += chat ? "\",\"refusal\":null,\"role\":\"assistant\"},\"finish_reason\":\"length\",\"logprobs\":null}"
              : "\",\"index\":0,\"finish_reason\":\"length\"}";
  out += tail_;
  out += "\",\"usage\":";
  append_usage(out, usage);
  return out + "}";
}

} // namespace sextant
