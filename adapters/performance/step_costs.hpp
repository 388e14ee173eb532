// step_costs.hpp: The time of any step of one engine, sampled once so that a simulated run can ask for it millions of times.
#pragma once

#include <algorithm>

#include "adapters/performance/sampled_curve.hpp"
#include "adapters/performance/smooth_max.hpp"

namespace sextant::performance {

/// What one attention rank works on in one step.
struct step_work {
  double prompt_tokens = 0;   ///< new prompt tokens
  double prompt_requests = 0; ///< requests that bring them
  double prompt_context = 0;  ///< tokens in the cache before each new token's own chunk, times new tokens: pairs
  double decode_requests = 0;
  double decode_context = 0; ///< sum over the decoding requests, tokens
};

/// Seconds of a step: rows of dense ops, attention of prompts, attention of decoding requests, host.
struct step_costs {
  sampled_curve dense_decode; ///< s over rows, a step without prompt tokens (captured graph, padded)
  sampled_curve dense_mixed;  ///< s over rows, a step with prompt tokens
  sampled_curve prompt;       ///< s over the new tokens of one request without context: attention, recurrent layers
  double prompt_pair_s = 0;   ///< s per (new token, token in the cache) pair
  sampled_curve decode;       ///< s over decoding requests at `context_low` tokens each
  sampled_curve decode_more;  ///< s over decoding requests, what `context_high` - `context_low` tokens add
  double context_low = 1024, context_high = 8192;
  double host_s = 0;          ///< per step
  double host_sequence_s = 0; ///< per sequence in the step
  double prompt_launch_s = 0; ///< of a step with prompt tokens, whose kernels are launched one by one meanwhile
  double host_request_s = 0;  ///< per request that brings prompt tokens

  /// Every step takes `factor` times as long.
  void scale(double factor) {
    for (auto* curve : {&dense_decode, &dense_mixed, &prompt, &decode, &decode_more})
      curve->scale(factor);
    for (auto* seconds : {&prompt_pair_s, &host_s, &host_sequence_s, &prompt_launch_s, &host_request_s})
      *seconds *= factor;
  }

  double operator()(const step_work& w) const {
    double seconds = 0;
    const double rows = w.prompt_tokens + w.decode_requests;
    if (w.prompt_tokens > 0) {
      const double each = w.prompt_tokens / std::max(1.0, w.prompt_requests);
      seconds += dense_mixed(rows) + prompt(each) * (w.prompt_tokens / each) + prompt_pair_s * w.prompt_context;
    } else {
      seconds += dense_decode(rows);
    }
    if (w.decode_requests > 0) {
      const double mean = w.decode_context / w.decode_requests;
      const double more = (mean - context_low) / (context_high - context_low);
      seconds += std::max(0.0, decode(w.decode_requests) + decode_more(w.decode_requests) * more);
    }
    if (w.prompt_tokens > 0)
      seconds = smooth_max(seconds, prompt_launch_s) + host_request_s * w.prompt_requests;
    return seconds + host_s + host_sequence_s * (w.decode_requests + w.prompt_requests);
  }
};

} // namespace sextant::performance
