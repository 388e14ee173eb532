// random.cpp: Philox and the laws drawn from it.
#include "actors/load/traffic/random.hpp"

#include <cmath>
#include <numbers>

namespace sextant::load {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  constexpr uint64_t m0 = 0xD2511F53, m1 = 0xCD9E8D57;
  constexpr uint32_t w0 = 0x9E3779B9, w1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = m0 * c[0], p1 = m1 * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += w0;
    k[1] += w1;
  }
  return c;
}

random_source::random_source(uint64_t seed, random_stream stream, uint64_t index)
    : counter_{0, static_cast<uint32_t>(stream), static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)},
      key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {
}

uint32_t random_source::word() {
  if (left_ == 0) {
    block_ = philox(counter_, key_);
    ++counter_[0];
    left_ = 4;
  }
  return block_[static_cast<size_t>(4 - left_--)];
}

uint64_t random_source::word64() {
  const uint64_t high = word();
  return high << 32 | word();
}

double random_source::uniform() {
  return (static_cast<double>(word64() >> 11) + 0.5) * 0x1p-53;
}

double random_source::exponential() {
  return -std::log(uniform());
}

double random_source::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double random_source::gamma(double shape) {
  if (shape < 1) { // boost to shape + 1
    const double boost = std::pow(uniform(), 1 / shape);
    return gamma(shape + 1) * boost;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(uniform()) < 0.5 * x * x + d - d * v + d * std::log(v))
      return d * v;
  }
}

uint64_t random_source::below(uint64_t bound) {
  const uint64_t limit = bound * (~uint64_t{0} / bound);
  for (;;)
    if (const uint64_t x = word64(); x < limit)
      return x % bound;
}

} // namespace sextant::load
