// versions.cpp: Numbers of a version one by one; words between them shift the number that follows.
#include "adapters/aic/versions.hpp"

#include <algorithm>
#include <cctype>

namespace sextant::performance {

namespace {

/// Numbers of a version. A word puts its own rank before its number: a release has 0 there.
std::vector<long> numbers_of(std::string_view version) {
  std::vector<long> numbers;
  for (std::size_t i = 0; i < version.size();) {
    const auto is = [&](int (*kind)(int)) {
      return i < version.size() && kind(static_cast<unsigned char>(version[i])) != 0;
    };
    if (is(std::isdigit)) {
      long value = 0;
      for (; is(std::isdigit); ++i)
        value = std::min(value * 10 + (version[i] - '0'), 1000000000L);
      numbers.push_back(value);
    } else if (is(std::isalpha)) {
      const auto from = i;
      while (is(std::isalpha))
        ++i;
      const auto word = version.substr(from, i - from);
      numbers.push_back(word == "dev" ? -2 : word == "rc" ? -1 : word == "post" ? 1 : 0);
    } else {
      ++i;
    }
  }
  return numbers;
}

} // namespace

int compare_versions(std::string_view a, std::string_view b) {
  auto left = numbers_of(a), right = numbers_of(b);
  left.resize(std::max(left.size(), right.size()));
  right.resize(left.size());
  return left < right ? -1 : left > right ? 1 : 0;
}

std::vector<std::size_t> by_nearness(const std::vector<std::string_view>& versions, std::string_view wanted) {
  std::vector<std::size_t> order(versions.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  const auto newer = [&](std::size_t i) { return !wanted.empty() && compare_versions(versions[i], wanted) > 0; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (newer(a) != newer(b))
      return newer(b);
    const int direction = compare_versions(versions[a], versions[b]);
    return newer(a) ? direction < 0 : direction > 0;
  });
  return order;
}

} // namespace sextant::performance
