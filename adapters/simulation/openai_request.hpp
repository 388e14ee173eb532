// openai_request.hpp: What a simulated engine understands of an OpenAI request, and how it refuses the rest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// A request for tokens.
struct openai_request {
  std::string model;
  std::vector<uint32_t> prompt; ///< token ids as sent, or one hashed token per four bytes of text
  int max_tokens = 0;
  bool stream = false;
  bool include_usage = false;
};

/// Why a request is refused; status 0 when it is not.
struct openai_refusal {
  int status = 0;
  std::string message;
};

/// Which of the two endpoints a request came to.
enum class openai_endpoint : uint8_t { completions, chat };

/// Reads a request body. `vocab` bounds token ids, 0 = unbounded. Keep one reader per thread: it keeps its buffers.
class openai_reader {
public:
  openai_reader();
  ~openai_reader();
  openai_refusal read(std::string& body, openai_endpoint endpoint, int vocab, openai_request& request);

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The body of an error answer, as Dynamo's frontend writes it.
std::string openai_error(int status, std::string_view message);

/// Text in JSON quotes, escaped.
std::string json_quoted(std::string_view text);

} // namespace sextant
