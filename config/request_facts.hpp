// request_facts.hpp: What a request's model and GPU are, and the range of engine sizes that follows from them.
#pragma once

#include "config/draft.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Fills model, GPU, range and context of a request. Errors go to the draft; reads model files.
void resolve_facts(draft& d, profile_request& request);

} // namespace sextant
