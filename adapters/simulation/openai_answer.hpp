// openai_answer.hpp: Answers of a simulated engine in OpenAI's shapes, prepared so that a token costs one copy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/simulation/openai_request.hpp"

namespace sextant {

/// The numbers of a `usage` object.
struct token_usage {
  int prompt_tokens = 0;
  int completion_tokens = 0;
  int cached_tokens = 0;
};

/// Text of output token `index` of a request: a word of its own, the same on every run.
void append_token_text(std::string& out, uint64_t request, int index);

/// Writes one answer, streamed or whole.
class openai_answer {
public:
  openai_answer() = default;
  openai_answer(openai_endpoint endpoint, uint64_t request, std::string_view model, int64_t created_s);

  /// The event of one token, or of `count` that come together, appended to `out`.
  void token_event(std::string& out, int index, int count = 1) const;
  /// The events behind the last token: finish reason, usage if wanted, `[DONE]`.
  void last_events(std::string& out, const token_usage& usage, bool include_usage) const;
  /// The body of an answer that is not streamed.
  std::string whole(const token_usage& usage) const;

private:
  openai_endpoint endpoint_ = openai_endpoint::completions;
  uint64_t request_ = 0;
  std::string head_; ///< `{"id":…,"choices":[`
  std::string tail_; ///< `],"created":…,"object":"`
};

} // namespace sextant
