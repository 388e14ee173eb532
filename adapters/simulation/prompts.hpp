// prompts.hpp: Prompts as a pure function of (seed, index, position), the same on every host.
#pragma once

#include <cstdint>
#include <vector>

namespace sextant {

/// Token id at a position of a prompt: 1000 + hash(seed, index, position) mod 1000, valid in every vocabulary that matters
/// and with text behind it in the mocker's. Longer prompts of one (seed, index) begin with the shorter ones.
inline uint32_t prompt_token(uint64_t seed, uint64_t index, uint64_t position) {
  uint64_t x = seed * 0x9e3779b97f4a7c15ull ^ (index + 1) * 0xbf58476d1ce4e5b9ull ^ (position + 1) * 0x94d049bb133111ebull;
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  x ^= x >> 31;
  return 1000 + static_cast<uint32_t>(x % 1000);
}

/// Chained hashes of the full blocks of a token sequence.
std::vector<uint64_t> block_hashes(const std::vector<uint32_t>& tokens);

/// Chained hashes of the full blocks of the prompt (seed, index) without making its tokens one by one: equal exactly when
/// seed, index and block number are equal. For the virtual simulation only, never mixed with `block_hashes`.
std::vector<uint64_t> virtual_block_hashes(uint64_t seed, uint64_t index, int prompt_tokens);

} // namespace sextant
