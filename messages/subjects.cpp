#include "messages/subjects.hpp"

#include <cstdint>
#include <cstdio>

namespace sextant {

namespace {

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

} // namespace

std::string stable_hash(std::string_view text) {
  uint64_t h = 14695981039346656037ull;
  for (unsigned char c : text) {
    h ^= c;
    h *= 1099511628211ull;
  }
  char out[17];
  snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(h));
  return out;
}

std::string subjects::token(std::string_view text) {
  std::string out{text};
  bool changed = out.empty();
  for (auto& c : out)
    if (!plain(c)) {
      c = '_';
      changed = true;
    }
  return changed ? out + "_" + stable_hash(text).substr(0, 8) : out;
}

bool valid_request_id(std::string_view id) {
  if (id.empty() || id.size() > 128 || id.front() == '-')
    return false;
  for (char c : id)
    if (!plain(c))
      return false;
  return true;
}

} // namespace sextant
