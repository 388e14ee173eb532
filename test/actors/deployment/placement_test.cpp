// placement_test.cpp: Which waiting engine starts next.
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
