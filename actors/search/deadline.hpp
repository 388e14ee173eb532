// deadline.hpp: When a request has used up its wall time. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "messages/request.hpp"

namespace sextant {

/// Seconds since 1970 of an RFC 3339 time in UTC, with `Z` and any number of decimals; nothing if it is no such time.
std::optional<double> seconds_of(std::string_view rfc3339);

/// Whether the deadline of a request is over at `now`, RFC 3339. False without a deadline or an acceptance time.
bool deadline_over(const profile_request& request, std::string_view now);

} // namespace sextant
