// calibration.hpp: How many tokens an endpoint makes of words, found by asking it: no tokenizer is needed on this side.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/load/traffic/payload.hpp"

namespace sextant::load {

/// What an endpoint said to one short request.
struct calibration_answer {
  int status = 0;             ///< HTTP; 0: no answer
  uint32_t prompt_tokens = 0; ///< by its `usage`; 0: it does not say
  std::string error;
};

/// Sends one request and waits for its answer.
using ask_endpoint = std::function<calibration_answer(const payload& content)>;

/// What the prompts of a run are to be made of.
struct calibration_result {
  prompt_shape shape;
  int asked = 0; ///< requests that were sent
  std::vector<std::string> remarks;
  std::string error; ///< the endpoint did not answer at all
};

/// The shape without asking: token ids where the options and the endpoint's type allow, else words of one token each.
prompt_shape assumed_shape(const load_options& options);

/// Whether a run with these options needs an answer from the endpoint before it starts.
bool wants_calibration(const load_options& options, const dataset& data);

/// Asks for the cost of token ids or words. Words first all together, then, where they do not cost one token each, in
/// groups, of which those stay that do. At most 20 short requests; calls `ask` in this thread.
calibration_result calibrate_prompts(const load_options& options, const payload_context& context, const ask_endpoint& ask);

} // namespace sextant::load
