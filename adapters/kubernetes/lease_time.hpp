// lease_time.hpp: Now, as Leases have it. Private to this folder.
#pragma once

#include <string>

namespace sextant::kubernetes {

/// RFC 3339 in UTC with microseconds.
std::string lease_time_now();

} // namespace sextant::kubernetes
