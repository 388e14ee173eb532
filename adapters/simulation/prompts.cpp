// prompts.cpp: Chained hashes over the blocks of a prompt.
#include "adapters/simulation/prompts.hpp"

#include "adapters/simulation/engine_core.hpp"

namespace sextant {

namespace {

/// Mixes two words so that every input bit reaches every output bit.
uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;
  x ^= x >> 29;
  x *= 0x94d049bb133111ebull;
  return x ^ (x >> 32);
}

} // namespace

std::vector<uint64_t> block_hashes(const std::vector<uint32_t>& tokens) {
  std::vector<uint64_t> hashes;
  hashes.reserve(tokens.size() / kv_block_tokens);
  uint64_t chain = 0x5e87a47;
  for (size_t begin = 0; begin + kv_block_tokens <= tokens.size(); begin += kv_block_tokens) {
    for (size_t i = begin; i < begin + kv_block_tokens; ++i)
      chain = mix(chain, tokens[i]);
    hashes.push_back(chain);
  }
  return hashes;
}

std::vector<uint64_t> virtual_block_hashes(uint64_t seed, uint64_t index, int prompt_tokens) {
  const int blocks = prompt_tokens > 0 ? prompt_tokens / kv_block_tokens : 0;
  std::vector<uint64_t> hashes(static_cast<size_t>(blocks));
  uint64_t chain = mix(mix(0x71e7a1, seed), index);
  for (auto& hash : hashes)
    hash = chain = mix(chain, 1);
  return hashes;
}

} // namespace sextant
