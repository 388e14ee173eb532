// merging_test.cpp: Parts of one load test on one time line.
#include <catch2/catch.hpp>

#include "actors/metrics/statistics/checks.hpp"
#include "actors/metrics/statistics/merging.hpp"
#include "actors/metrics/statistics/summarise.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

namespace {

load_records part(const std::string& host, int64_t monotonic_ns, int64_t unix_ns, uint64_t seed) {
  auto run = test::closed_loop({.requests = 300, .slots = 8, .seed = seed});
  run.facts.clock_host = host;
  run.facts.started_monotonic_ns = monotonic_ns;
  run.facts.started_unix_ns = unix_ns;
  return run;
}

} // namespace

TEST_CASE("parts of one host lie as far apart as their monotonic clock says, whatever the wall clock did") {
  std::string error;
  // The wall clock was set back by a second between the two starts.
  const auto a = part("host", 1'000'000'000, 50'000'000'000, 1), b = part("host", 1'400'000'000, 49'400'000'000, 2);
  const auto offsets = clock_offsets({a, b}, error);
  REQUIRE(error.empty());
  CHECK(offsets[1].ns == 400'000'000);
  CHECK(offsets[1].same_clock);
  const auto all = merge_records({a, b}, error);
  REQUIRE(error.empty());
  CHECK(all.requests.size() == 600);
  CHECK(all.facts.concurrency == 16);
  CHECK(all.facts.planned_requests == 600);
  CHECK(all.facts.started_monotonic_ns == 1'000'000'000);
  // Same indices in both: numbered anew in order of their sends.
  for (size_t i = 0; i < all.requests.size(); ++i) {
    CHECK(all.requests[i].index == i);
    CHECK((i == 0 || all.requests[i].sent_ns >= all.requests[i - 1].sent_ns));
  }
  const auto s = summarise_load(all, {});
  CHECK(test::check_named(s.checks, "no_duplicates").result == consistency_check::outcome::passed);
  CHECK(test::check_named(s.checks, "none_lost").result == consistency_check::outcome::passed);
}

TEST_CASE("the part that began first gives the time line, also if it is named last") {
  std::string error;
  const auto a = part("host", 5'000'000'000, 0, 1), b = part("host", 2'000'000'000, 0, 2);
  const auto all = merge_records({a, b}, error);
  REQUIRE(error.empty());
  CHECK(all.facts.started_monotonic_ns == 2'000'000'000);
  CHECK(all.requests.front().sent_ns == 20'000); // of b; a's first send is three seconds later
  CHECK(std::count_if(all.requests.begin(), all.requests.end(), [](const auto& r) { return r.sent_ns == 3'000'020'000; })
        == 8);
}

TEST_CASE("parts of a cut plan keep their indices") {
  std::string error;
  auto a = part("host", 1, 0, 1), b = part("host", 1, 0, 2);
  for (auto& r : a.requests)
    r.index *= 2;
  for (auto& r : b.requests)
    r.index = 2 * r.index + 1;
  const auto all = merge_records({a, b}, error);
  CHECK(all.requests[0].index == 0);
  CHECK(all.requests[1].index == 2);
  CHECK(all.requests[300].index == 1);
}

TEST_CASE("hosts are put together by their wall clocks, and the result says so") {
  std::string error;
  const auto all = merge_records({part("a", 1, 10'000'000'000, 1), part("b", 900, 10'250'000'000, 2)}, error);
  REQUIRE(error.empty());
  CHECK(all.facts.remarks.back().find("wall clocks") != std::string::npos);
}

TEST_CASE("parts without a common clock, or of different tests, are refused") {
  std::string error;
  merge_records({part("a", 1, 0, 1), part("b", 1, 0, 2)}, error);
  CHECK(error == "part 2 does not say when it began on any clock that the first one has");
  error.clear();
  auto other = part("a", 1, 0, 2);
  other.facts.model = "other";
  merge_records({part("a", 1, 0, 1), other}, error);
  CHECK(error.find("part 2 is another test: model other") == 0);
}
