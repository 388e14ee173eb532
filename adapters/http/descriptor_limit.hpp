// descriptor_limit.hpp: How many connections this process may hold.
#pragma once

#include <cstddef>
#include <string>

namespace sextant::http {

/// Thousands of connections need as many descriptors and the soft limit is often 1024: raises it to the hard one, and the
/// hard one too where that is allowed and `wanted` needs it. Returns the limit in force.
size_t raise_descriptor_limit(size_t wanted = 0);

/// What keeps this process from holding that many connections to one address, by the limit's name and value; empty if
/// nothing does. `loopback`: more source addresses can be had.
std::string connection_limit_error(size_t connections, bool loopback);

} // namespace sextant::http
