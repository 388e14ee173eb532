// stream_event.cpp: One scan for what matters in an event; a full parse only for what the scan does not understand.
#include "actors/load/stream_event.hpp"

#include <simdjson.h>

#include "actors/load/json_scan.hpp"

namespace sextant::load {

namespace {

/// The engine's own words about an error, shortened.
std::string error_text(std::string_view data) {
  constexpr size_t enough = 300;
  return "the engine reports: " + std::string{data.substr(0, enough)};
}

/// One parser and one padded buffer for each thread: parsing allocates nothing once both have grown.
simdjson::error_code parse(std::string_view data, simdjson::dom::element& root) {
  thread_local simdjson::dom::parser parser;
  thread_local std::string padded;
  padded.assign(data);
  padded.append(simdjson::SIMDJSON_PADDING, '\0');
  return parser.parse(padded.data(), data.size(), false).get(root);
}

/// The scan over one event or body.
class answer_scan {
public:
  answer_scan(std::string_view data, stream_event& out) : json_(data), out_(out) {}

  /// False if it is not JSON, or not of the shape that engines give.
  bool run() {
    if (json_.peek() != '{')
      return false;
    json_.object([this](std::string_view key) {
      if (key == "choices" || key == "data") {
        known_ = true;
        json_.array([this] { key_choice(); });
      } else if (key == "usage" && json_.peek() == '{') {
        usage();
      } else if (key == "error" && json_.peek() != 'n') {
        error_ = true;
        json_.skip();
      } else {
        json_.skip();
      }
    });
    out_.output = out_.output_bytes > 0;
    out_.reasoning = out_.output && plain_bytes_ == 0;
    return json_.ok() && json_.at_end();
  }

  bool reports_error() const { return error_ || !known_; }

private:
  void key_choice() {
    if (json_.peek() != '{')
      return json_.skip();
    out_.choices = true;
    json_.object([this](std::string_view key) {
      if (key == "text") {
        plain(json_.string_or_skip());
      } else if ((key == "delta" || key == "message") && json_.peek() == '{') {
        delta();
      } else if (key == "finish_reason") {
        out_.finished = out_.finished || json_.peek() == '"';
        json_.skip();
      } else if (key == "embedding" && json_.peek() != 'n') {
        plain("x"); // an answer, whatever its numbers
        json_.skip();
      } else if (key == "token_ids" && json_.peek() == '[') {
        json_.array([this] {
          ++out_.token_ids;
          json_.skip();
        });
      } else {
        json_.skip();
      }
    });
  }

  void delta() {
    json_.object([this](std::string_view key) {
      if (key == "content")
        plain(json_.string_or_skip());
      else if (key == "reasoning_content" || key == "reasoning")
        out_.output_bytes += static_cast<uint32_t>(json_.string_or_skip().size());
      else if (key == "tool_calls" && json_.peek() == '[')
        json_.array([this] { tool_call(); });
      else
        json_.skip();
    });
  }

  void tool_call() {
    if (json_.peek() != '{')
      return json_.skip();
    json_.object([this](std::string_view key) {
      if (key != "function" || json_.peek() != '{')
        return json_.skip();
      json_.object([this](std::string_view part) {
        if (part == "name" || part == "arguments")
          plain(json_.string_or_skip());
        else
          json_.skip();
      });
    });
  }

  void usage() {
    out_.has_usage = true;
    json_.object([this](std::string_view key) {
      if (key == "prompt_tokens")
        out_.prompt_tokens = json_.count_or_skip();
      else if (key == "completion_tokens")
        out_.completion_tokens = json_.count_or_skip();
      else if (key == "reasoning_tokens")
        out_.reasoning_tokens = json_.count_or_skip();
      else if ((key == "prompt_tokens_details" || key == "completion_tokens_details") && json_.peek() == '{')
        details();
      else
        json_.skip();
    });
  }

  void details() {
    json_.object([this](std::string_view key) {
      if (key == "cached_tokens")
        out_.cached_tokens = json_.count_or_skip();
      else if (key == "reasoning_tokens")
        out_.reasoning_tokens = json_.count_or_skip();
      else
        json_.skip();
    });
  }

  void plain(std::string_view raw) {
    out_.output_bytes += static_cast<uint32_t>(raw.size());
    plain_bytes_ += raw.size();
  }

  json_scan json_;
  stream_event& out_;
  size_t plain_bytes_ = 0;
  bool known_ = false;
  bool error_ = false;
};

stream_event read_answer(std::string_view name, std::string_view data, const char* what) {
  stream_event out;
  answer_scan scan(data, out);
  if (scan.run() && name != "error" && !scan.reports_error())
    return out;
  out = {};
  simdjson::dom::element root;
  const auto bad = parse(data, root);
  out.malformed = bad && name != "error";
  out.error = out.malformed ? std::string{what} + " is not JSON: " + simdjson::error_message(bad) : error_text(data);
  return out;
}

} // namespace

stream_event read_stream_event(std::string_view name, std::string_view data) {
  if (data == "[DONE]") {
    stream_event out;
    out.done = true;
    return out;
  }
  return read_answer(name, data, "an event");
}

stream_event read_plain_answer(std::string_view body) {
  return read_answer({}, body, "the answer");
}

std::string answer_text(std::string_view json) {
  simdjson::dom::element root;
  if (parse(json, root))
    return {};
  std::string_view text;
  for (const char* place : {"/choices/0/delta/content", "/choices/0/message/content", "/choices/0/text"})
    if (root.at_pointer(place).get(text) == simdjson::SUCCESS)
      return std::string{text};
  return {};
}

std::vector<std::string> listed_models(std::string_view body) {
  std::vector<std::string> out;
  simdjson::dom::element root;
  simdjson::dom::array models;
  if (parse(body, root) || root["data"].get(models))
    return out;
  for (const auto model : models)
    if (std::string_view id; model["id"].get(id) == simdjson::SUCCESS)
      out.emplace_back(id);
  return out;
}

} // namespace sextant::load
