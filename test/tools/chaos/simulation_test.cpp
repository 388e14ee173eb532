// simulation_test.cpp: Whole installations in virtual time: whatever a seed does to one, its promises are kept.
#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include "tools/chaos/simulation.hpp"

using namespace sextant::chaos;

namespace {

struct quiet {
  quiet() { spdlog::set_level(spdlog::level::off); }
};

std::string lines(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& line : all)
    out += line + "\n";
  return out;
}

void promises_are_kept(const simulation_settings& settings, uint64_t first, uint64_t seeds) {
  const auto calm = simulate(0, settings, {});
  CHECK(lines(calm.violations) == "");
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto run = simulate(seed, settings, calm.answers);
    INFO("seed " << seed << "\n" << lines(run.faults));
    CHECK(lines(run.violations) == "");
  }
}

} // namespace

TEST_CASE_METHOD(quiet, "without faults every request comes to its answer and every point is measured once",
                 "[simulation]") {
  simulation_settings settings;
  settings.requests = 2;
  const auto run = simulate(0, settings, {});
  CHECK(lines(run.violations) == "");
  REQUIRE(run.answers.size() == 2);
  CHECK(run.answers[0].find("feasible") != std::string::npos);
  CHECK(run.attempts == run.points);
}

TEST_CASE_METHOD(quiet, "the same seed is the same run", "[simulation]") {
  simulation_settings settings;
  settings.faults = 6;
  settings.trace = true;
  for (uint64_t seed : {3, 4}) {
    const auto one = simulate(seed, settings, {}), again = simulate(seed, settings, {});
    CHECK(lines(one.trace) == lines(again.trace));
    CHECK(one.trace.size() > 50);
    CHECK(lines(one.faults) == lines(again.faults));
    CHECK(one.virtual_s == again.virtual_s);
  }
}

TEST_CASE_METHOD(quiet, "promises are kept whatever breaks", "[simulation]") {
  simulation_settings settings;
  settings.faults = 4;
  promises_are_kept(settings, 1, 20);
}

TEST_CASE_METHOD(quiet, "the simulation finds what a server without its promises breaks", "[simulation]") {
  simulation_settings settings;
  settings.faults = 6;
  const auto calm = simulate(0, settings, {});
  size_t broken = 0;
  SECTION("leases that never run out") {
    settings.expiry = false;
  }
  SECTION("messages that are stored twice") {
    settings.dedup = false;
  }
  for (uint64_t seed = 1; seed <= 30 && broken == 0; ++seed)
    broken += simulate(seed, settings, calm.answers).violations.size();
  CHECK(broken > 0);
}
