// nearest.cpp: Damerau-Levenshtein distance and the choice of the nearest name.
#include "config/nearest.hpp"

#include <algorithm>
#include <limits>

namespace sextant {

namespace {

// Nobody means a name of this length; the bound keeps the quadratic comparison cheap on hostile input.
constexpr std::size_t longest_name = 128;

std::string folded(std::string_view text) {
  std::string result;
  for (char c : text)
    if (c != '-' && c != '_')
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

} // namespace

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before_previous(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    previous[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_previous[j - 2] + 1);
    }
    std::swap(before_previous, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > longest_name)
    return {};
  const auto wanted = folded(name);
  int best = std::numeric_limits<int>::max();
  std::string result;
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(wanted, folded(candidate));
    // A third of the letters may be wrong: enough for slips, too little to propose something unrelated.
    const auto allowed = std::max<std::size_t>(1, std::min(wanted.size(), candidate.size()) / 3);
    if (distance < best && distance <= static_cast<int>(allowed)) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

} // namespace sextant
