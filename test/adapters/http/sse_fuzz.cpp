// sse_fuzz.cpp: Arbitrary bytes as an event stream: cut anywhere, it says the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/sse_parser.hpp"

using namespace sextant;

namespace {

using events = std::vector<std::pair<std::string, std::string>>;

/// Feeds pieces whose lengths come from `cuts`; the rest in one.
events read(std::string_view stream, std::string_view cuts) {
  events out;
  sse_parser parser([&out](const sse_event& e) { out.emplace_back(e.name, e.data); });
  for (const char c : cuts) {
    const auto n = std::min<size_t>(stream.size(), static_cast<unsigned char>(c) % 16);
    parser.feed(stream.substr(0, n));
    stream.remove_prefix(n);
  }
  parser.feed(stream);
  parser.finish();
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const std::string_view all{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto cuts = all.substr(0, std::min<size_t>(all.size(), data[0] % 32));
  const auto stream = all.substr(cuts.size());
  if (read(stream, {}) != read(stream, cuts))
    std::abort();
  return 0;
}
