// memory_plan.cpp: The memory plan of a mapping of the search.
#include "adapters/performance/engine_spec.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant {

memory_plan plan_memory(const engine_shape& shape, int64_t min_tokens) {
  const auto layout = performance::layout_of(shape.layout, shape.model.experts > 0);
  return performance::plan_memory({shape.model, shape.gpu, shape.backend, {}, layout, 0}, min_tokens, shape.layout.label());
}

} // namespace sextant
