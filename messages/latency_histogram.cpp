// latency_histogram.cpp: Buckets by the position of the highest bit and the ten bits below it.
#include "messages/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace sextant {

namespace {

constexpr int fraction_bits = 10;
constexpr int64_t linear_below = int64_t{1} << (fraction_bits + 1); // buckets of 1 ns up to here
constexpr int64_t largest = (int64_t{1} << 48) - 1;

size_t bucket_of(int64_t ns) {
  const int64_t x = std::clamp<int64_t>(ns, 0, largest);
  if (x < linear_below)
    return static_cast<size_t>(x);
  const int shift = std::bit_width(static_cast<uint64_t>(x)) - (fraction_bits + 1);
  return (static_cast<size_t>(shift) << fraction_bits) + static_cast<size_t>(x >> shift);
}

int64_t low_of(size_t bucket) {
  if (bucket < static_cast<size_t>(linear_below))
    return static_cast<int64_t>(bucket);
  const auto shift = (bucket >> fraction_bits) - 1;
  return static_cast<int64_t>((bucket & ((size_t{1} << fraction_bits) - 1)) + (size_t{1} << fraction_bits)) << shift;
}

} // namespace

void latency_histogram::add(int64_t ns, uint64_t times) {
  if (times == 0)
    return;
  const size_t at = bucket_of(ns);
  if (at >= counts_.size())
    counts_.resize(at + 1);
  counts_[at] += times;
  min_ = count_ > 0 ? std::min(min_, ns) : ns;
  max_ = count_ > 0 ? std::max(max_, ns) : ns;
  count_ += times;
  sum_ += static_cast<double>(ns) * static_cast<double>(times);
}

void latency_histogram::merge(const latency_histogram& other) {
  if (other.count_ == 0)
    return;
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (size_t i = 0; i < other.counts_.size(); ++i)
    counts_[i] += other.counts_[i];
  min_ = count_ > 0 ? std::min(min_, other.min_) : other.min_;
  max_ = count_ > 0 ? std::max(max_, other.max_) : other.max_;
  count_ += other.count_;
  sum_ += other.sum_;
}

int64_t latency_histogram::quantile_ns(double q) const {
  const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank)
      return std::clamp(low_of(i) + (low_of(i + 1) - low_of(i)) / 2, min_, max_);
  }
  return 0;
}

uint64_t latency_histogram::count_up_to(int64_t ns) const {
  if (ns < 0)
    return 0;
  uint64_t seen = 0;
  const size_t last = bucket_of(ns);
  for (size_t i = 0; i < counts_.size() && i <= last; ++i)
    seen += counts_[i];
  return seen;
}

std::vector<latency_histogram::bucket> latency_histogram::buckets() const {
  std::vector<bucket> out;
  for (size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0)
      out.push_back({low_of(i), low_of(i + 1), counts_[i]});
  return out;
}

} // namespace sextant
