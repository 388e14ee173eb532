// time_text.hpp: Times as RFC 3339 texts. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace sextant {

/// Seconds since 1970 of an RFC 3339 time in UTC, with `Z` and any number of decimals; nothing if it is no such time.
std::optional<double> seconds_of(std::string_view rfc3339);

} // namespace sextant
