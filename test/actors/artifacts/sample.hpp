// sample.hpp: A made-up profile with realistic numbers (dense 32B model on H200), for tests and for looking at pictures.
#pragma once

#include <vector>

#include "messages/profile.hpp"

namespace sextant::sample {

/// A request, its answer, and the results it was made from.
struct profile {
  write_artifacts what;
  std::vector<point_measured> points;
  std::vector<engine_ready> engines;
};

/// Qwen3-32B, vLLM, H200, ISL 3000, OSL 500 with these targets; feasible if they can be met.
profile dense(double ttft_ms = 300, double itl_ms = 20);
/// A mixture of experts with TP, TEP and DEP candidates, many points close together.
profile moe();
/// Nothing could be measured: every engine failed.
profile nothing();
/// One prefill and one decode point, no curves.
profile single();

} // namespace sextant::sample
