// descriptor_limit.cpp: RLIMIT_NOFILE and the range of local ports.
#include "adapters/http/descriptor_limit.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>

namespace sextant::http {

namespace {

constexpr size_t spare_descriptors = 16; ///< for files and streams that are opened meanwhile

size_t open_descriptors() {
  std::error_code none;
  const auto begin = std::filesystem::directory_iterator("/proc/self/fd", none);
  return none ? 16 : static_cast<size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
}

} // namespace

size_t raise_descriptor_limit(size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 1024;
  if (wanted > limit.rlim_max) {
    const rlimit more{wanted, wanted};
    if (setrlimit(RLIMIT_NOFILE, &more) == 0)
      return wanted;
  }
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

std::string connection_limit_error(size_t connections, bool loopback) {
  const size_t needed = connections + open_descriptors() + spare_descriptors;
  if (const size_t limit = raise_descriptor_limit(needed); needed > limit)
    return std::to_string(connections) + " connections need " + std::to_string(needed)
           + " file descriptors; RLIMIT_NOFILE (ulimit -Hn) is " + std::to_string(limit) + " and may not be raised";
  size_t first = 32768, last = 60999;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first >> last;
  if (const size_t ports = last - first + 1; !loopback && connections > ports)
    return std::to_string(connections)
           + " connections to one address need as many local ports; net.ipv4.ip_local_port_range has "
           + std::to_string(ports) + " (" + std::to_string(first) + "-" + std::to_string(last) + ")";
  return {};
}

} // namespace sextant::http
