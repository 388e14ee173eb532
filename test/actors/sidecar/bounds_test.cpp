#include "actors/sidecar/bounds.hpp"

#include <catch2/catch.hpp>

using namespace sextant;
using namespace sextant::sidecar;

TEST_CASE("measurements at a deployment in use are small") {
  point_plan plan;
  plan.isl = 1000;
  plan.osl = 64;
  plan.requests = 16;
  plan.concurrency = 8;
  CHECK(too_much(plan).empty());
  plan.max_waves = 20;
  CHECK(too_much(plan).find("256 requests") != std::string::npos);
  plan.max_waves = 1;
  plan.concurrency = 64;
  plan.isl = 1000000;
  const auto both = too_much(plan);
  CHECK(both.find("at once") != std::string::npos);
  CHECK(both.find("tokens") != std::string::npos);
  CHECK_FALSE(too_much({}).empty());
  plan = {};
  plan.isl = plan.osl = 1;
  plan.requests = 200;
  plan.warm_prompts = true;
  CHECK_FALSE(too_much(plan).empty());
}
