// deadline.hpp: When a request has used up its wall time. Pure.
#pragma once

#include <string_view>

#include "messages/request.hpp"

namespace sextant {

/// Whether the deadline of a request is over at `now`, RFC 3339. False without a deadline or an acceptance time.
bool deadline_over(const profile_request& request, std::string_view now);

} // namespace sextant
