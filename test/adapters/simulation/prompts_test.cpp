// prompts_test.cpp: Prompts nest, differ and hash by content.
#include "adapters/simulation/prompts.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace sextant;

namespace {

std::vector<uint32_t> tokens(uint64_t seed, uint64_t index, int count) {
  std::vector<uint32_t> all;
  for (int i = 0; i < count; ++i)
    all.push_back(prompt_token(seed, index, static_cast<uint64_t>(i)));
  return all;
}

} // namespace

TEST_CASE("tokens are valid and differ between seeds and indices") {
  const auto one = tokens(1, 0, 500);
  for (auto t : one) {
    CHECK(t >= 1000);
    CHECK(t < 2000);
  }
  CHECK(one == tokens(1, 0, 500));
  CHECK(one != tokens(1, 1, 500));
  CHECK(one != tokens(2, 0, 500));
}

TEST_CASE("hashes cover full blocks only and chain over everything before") {
  auto prompt = tokens(3, 4, 50);
  const auto hashes = block_hashes(prompt);
  REQUIRE(hashes.size() == 3);
  prompt.resize(48);
  CHECK(block_hashes(prompt) == hashes);
  prompt[0] ^= 1;
  const auto other = block_hashes(prompt);
  for (size_t i = 0; i < 3; ++i)
    CHECK(other[i] != hashes[i]);
  CHECK(block_hashes(tokens(3, 4, 15)).empty());
}

TEST_CASE("virtual hashes nest and never meet between prompts") {
  const auto shorter = virtual_block_hashes(5, 6, 100);
  const auto longer = virtual_block_hashes(5, 6, 1000);
  REQUIRE(shorter.size() == 6);
  CHECK(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  std::set<uint64_t> all;
  for (uint64_t seed = 0; seed < 20; ++seed)
    for (uint64_t index = 0; index < 50; ++index)
      for (auto hash : virtual_block_hashes(seed, index, 160))
        CHECK(all.insert(hash).second);
}
