// intake_test.cpp: Requests that are accepted, and what becomes of every value in them.
#include <catch2/catch.hpp>

#include "config/intake.hpp"

using namespace sextant;

TEST_CASE("a model of the catalogue has the facts of its checkpoint") {
  const auto* model = find_model("Qwen/Qwen3-32B");
  REQUIRE(model);
  CHECK(model->layers == 64);
}
