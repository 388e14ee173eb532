// parts_test.cpp: A plan that is cut is still the plan.
#include "actors/load/traffic/parts.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

namespace sextant::load {

namespace {

/// Sessions of two turns, each at a time of its own.
traffic_schedule plan_of(uint32_t sessions) {
  traffic_schedule out;
  out.seed = 7;
  out.concurrency = 10;
  out.prefill_concurrency = 4;
  for (uint32_t i = 0; i < sessions; ++i)
    for (uint32_t turn = 0; turn < 2; ++turn) {
      planned_request r;
      r.index = static_cast<uint32_t>(out.requests.size());
      r.session = i;
      r.turn = turn;
      r.intended_ns = turn == 0 ? int64_t{i} * 1'000 : -1;
      r.prompt = 100 + r.index;
      out.requests.push_back(r);
    }
  return out;
}

} // namespace

TEST_CASE("all parts together are the plan: every request once, limits added up", "[parts]") {
  const auto plan = plan_of(11);
  for (const int parts : {1, 2, 3, 4}) {
    std::vector<uint32_t> seen;
    int concurrency = 0, prefill = 0;
    for (int part = 0; part < parts; ++part) {
      const auto cut = part_of(plan, part, parts);
      CHECK(cut.seed == plan.seed);
      concurrency += cut.concurrency;
      prefill += cut.prefill_concurrency;
      for (const auto& r : cut.requests) {
        seen.push_back(r.index);
        CHECK(r.prompt == plan.requests[r.index].prompt);
        CHECK(r.intended_ns == plan.requests[r.index].intended_ns);
      }
    }
    std::sort(seen.begin(), seen.end());
    REQUIRE(seen.size() == plan.requests.size());
    for (uint32_t i = 0; i < seen.size(); ++i)
      CHECK(seen[i] == i);
    CHECK(concurrency == plan.concurrency);
    CHECK(prefill == plan.prefill_concurrency);
  }
}

TEST_CASE("all turns of a session are in one part", "[parts]") {
  const auto plan = plan_of(9);
  for (int part = 0; part < 4; ++part)
    for (const auto& r : part_of(plan, part, 4).requests)
      CHECK(r.session % 4 == static_cast<uint32_t>(part));
}

TEST_CASE("a plan is cut no finer than its sessions and limits", "[parts]") {
  auto plan = plan_of(9);
  CHECK(most_parts(plan) == 4); // prefill
  plan.prefill_concurrency = 0;
  CHECK(most_parts(plan) == 9);
  plan.concurrency = 0;
  plan.requests.resize(2);
  CHECK(most_parts(plan) == 1);
}

} // namespace sextant::load
