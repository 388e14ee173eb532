// engine_spec.hpp: Which engine the performance model is asked about.
#pragma once

#include <string>

#include "messages/values.hpp"

namespace sextant::performance {

/// How one engine is spread over GPUs, in the terms of all back ends. tp * dp == moe_tp * moe_ep for models with experts.
struct parallel_layout {
  int tp = 1;     ///< tensor parallel ranks of attention and dense layers
  int pp = 1;     ///< pipeline stages
  int dp = 1;     ///< attention data parallel ranks, each with its own batch and KV cache
  int moe_tp = 1; ///< ranks that share each expert
  int moe_ep = 1; ///< ranks among which whole experts are split

  bool operator==(const parallel_layout&) const = default;
  int gpus() const { return tp * pp * dp; }
};

/// One engine: model, GPU, back end, version and layout. Quantisation stands in the model's facts.
struct engine_spec {
  model_facts model;
  gpu_facts gpu;
  backend_kind backend = backend_kind::vllm;
  std::string version; ///< of the back end; empty: the newest that was measured
  parallel_layout layout;
  int draft_tokens = 0; ///< speculative tokens per step; 0: none
};

/// The layout of a mapping of the search (TP, TEP, DEP).
parallel_layout layout_of(const mapping& m, bool is_moe);

} // namespace sextant::performance
