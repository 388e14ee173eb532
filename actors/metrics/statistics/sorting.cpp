// sorting.cpp: Least significant digit first, eleven bits at a time; digits that all samples share cost no pass.
#include "actors/metrics/statistics/sorting.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sextant::statistics {

namespace {

/// Below this many samples the counts of the digits cost more than comparisons.
constexpr size_t fewest_for_radix = 4096;
constexpr int digit_bits = 11;
constexpr size_t digits = 6; // 6 * 11 >= 64
constexpr uint64_t sign = uint64_t{1} << 63;

/// Bits whose unsigned order is the order of the doubles.
uint64_t key_of(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  return bits & sign ? ~bits : bits | sign;
}

double sample_of(uint64_t key) {
  return std::bit_cast<double>(key & sign ? key & ~sign : ~key);
}

size_t digit_of(uint64_t key, size_t digit) {
  return (key >> (digit * digit_bits)) & ((1U << digit_bits) - 1);
}

} // namespace

void sort_samples(std::vector<double>& samples) {
  if (samples.size() < fewest_for_radix) {
    std::sort(samples.begin(), samples.end());
    return;
  }
  std::array<std::array<size_t, 1U << digit_bits>, digits> counts{};
  std::vector<uint64_t> keys(samples.size()), moved(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    keys[i] = key_of(samples[i]);
    for (size_t d = 0; d < digits; ++d)
      ++counts[d][digit_of(keys[i], d)];
  }
  for (size_t d = 0; d < digits; ++d) {
    auto& places = counts[d];
    if (places[digit_of(keys.front(), d)] == keys.size())
      continue;
    size_t next = 0;
    for (auto& place : places)
      next += std::exchange(place, next);
    for (const uint64_t key : keys)
      moved[places[digit_of(key, d)]++] = key;
    keys.swap(moved);
  }
  for (size_t i = 0; i < samples.size(); ++i)
    samples[i] = sample_of(keys[i]);
}

} // namespace sextant::statistics
