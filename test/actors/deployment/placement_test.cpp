// placement_test.cpp: Which waiting engine starts next, and on which node it belongs.
#include <catch2/catch.hpp>

#include "actors/deployment/placement.hpp"

using namespace sextant;

TEST_CASE("the largest engine that fits starts first", "[placement]") {
  CHECK(next_to_start({{1}, {4}, {2}}, 8) == 1u);
  CHECK(next_to_start({{8}, {4}, {2}}, 5) == 1u);
  CHECK(next_to_start({{8}, {4}, {2}}, 1) == std::nullopt);
  CHECK(next_to_start({}, 8) == std::nullopt);
}

TEST_CASE("among equals the earliest arrival starts first", "[placement]") {
  CHECK(next_to_start({{2}, {4}, {4}}, 4) == 1u);
}

TEST_CASE("an engine that was passed over often enough is next, and free GPUs are kept for it", "[placement]") {
  CHECK(next_to_start({{8, patience - 1}, {2}}, 4) == 1u);
  CHECK(next_to_start({{8, patience}, {2}}, 4) == std::nullopt);
  CHECK(next_to_start({{2, patience}, {8}}, 8) == 0u);
  CHECK(next_to_start({{1}, {8, patience}, {2, patience}}, 8) == 1u); // of two, the one that came first
}

TEST_CASE("no stream of small engines keeps a large one from starting", "[placement]") {
  std::vector<waiting_engine> waiting{{8}};
  std::vector<int> ends{1, 2}; // rounds in which the small engines end that run now
  int started_before = 0;
  for (int round = 1; round < 1000; ++round) {
    std::erase(ends, round);
    waiting.push_back({1});
    waiting.push_back({1});
    while (const auto next = next_to_start(waiting, 8 - static_cast<int>(ends.size()))) {
      if (waiting[*next].gpus == 8) {
        CHECK(started_before == patience);
        return;
      }
      ++started_before;
      ends.push_back(round + 1 + static_cast<int>(ends.size()) % 2); // they overlap: the node is never empty by itself
      for (size_t i = 0; i < *next; ++i)
        ++waiting[i].passed_over;
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(*next));
    }
  }
  FAIL("the large engine starved");
}

TEST_CASE("a node keeps what it has room for and leaves to others what they have room for", "[placement]") {
  const std::vector<node_offer> nodes{{"one", "", 4, 1}, {"two", "", 8, 6}};
  CHECK(place(1, "h200_sxm", "one", nodes) == placement::here);
  CHECK(place(1, "h200_sxm", "two", nodes) == placement::here);
  CHECK(place(2, "h200_sxm", "one", nodes) == placement::elsewhere);
  CHECK(place(8, "h200_sxm", "one", nodes) == placement::elsewhere); // never here, though nobody has room now
  CHECK(place(8, "h200_sxm", "two", nodes) == placement::here);      // waits
  CHECK(place(16, "h200_sxm", "two", nodes) == placement::nowhere);
}

TEST_CASE("nobody has room: the engine waits where it is", "[placement]") {
  const std::vector<node_offer> nodes{{"one", "", 4, 1}, {"two", "", 4, 0}};
  CHECK(place(2, "", "one", nodes) == placement::here);
  CHECK(place(2, "", "two", nodes) == placement::here);
}

TEST_CASE("GPUs of another type and draining nodes do not count", "[placement]") {
  CHECK(place(2, "h200_sxm", "one", {{"one", "a100_sxm", 8, 8}}) == placement::nowhere);
  CHECK(place(2, "h200_sxm", "one", {{"one", "a100_sxm", 8, 8}, {"two", "h200_sxm", 8, 0}}) == placement::elsewhere);
  CHECK(place(2, "h200_sxm", "one", {{"one", "h200_sxm", 8, 8, true}}) == placement::nowhere);
  CHECK(place(2, "h200_sxm", "one", {{"one", "h200_sxm", 8, 8, true}, {"two", "", 8, 0}}) == placement::elsewhere);
}
