// worker_image.hpp: The runtime image of the workers, derived from the image of the profiling job (v1beta1 names only that
// one).
#pragma once

#include <string>

#include "messages/values.hpp"

namespace sextant {

/// `reg/x/dynamo-planner:1.2` becomes `reg/x/sglang-runtime:1.2`; registry, tag and digest stay. A non-empty version
/// replaces the tag.
std::string worker_image(const std::string& image, backend_kind backend, const std::string& version);

} // namespace sextant
