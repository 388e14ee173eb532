// checks_test.cpp: Honest runs pass every check; each kind of dishonesty fails its own.
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/statistics/checks.hpp"
#include "actors/metrics/statistics/steady_state.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;
using outcome = consistency_check::outcome;

namespace {

load_records honest() {
  return test::closed_loop({.requests = 2000, .slots = 16});
}

consistency_check check(const load_records& run, const std::string& name) {
  const auto w = find_window(run.facts, metric_profile::aiperf, run.requests);
  return test::check_named(check_run(run, littles_law_over(run.requests, w.begin_ns, w.end_ns)), name);
}

/// Poisson arrivals, 100 per second, answered after 50 ms.
load_records open_loop(size_t n, double regularity = 0) {
  load_records run;
  run.facts.arrivals = "poisson";
  run.facts.request_rate = 100;
  std::mt19937_64 random(23);
  std::exponential_distribution<double> gap(100);
  double now = 1;
  for (size_t i = 0; i < n; ++i) {
    now += regularity * 0.01 + (1 - regularity) * gap(random);
    request_record r;
    r.index = static_cast<uint32_t>(i);
    r.intended_ns = static_cast<int64_t>(now * 1e9);
    r.sent_ns = r.intended_ns + 10'000;
    r.token_ns = {r.sent_ns + 50'000'000};
    r.ended_ns = r.token_ns.back();
    run.requests.push_back(r);
  }
  return run;
}

} // namespace

TEST_CASE("an honest closed loop passes every check that applies") {
  const auto run = honest();
  const auto w = find_window(run.facts, metric_profile::aiperf, run.requests);
  const auto little = littles_law_over(run.requests, w.begin_ns, w.end_ns);
  CHECK(little.known);
  CHECK(little.in_flight == Approx(16).epsilon(0.01));
  for (const auto& c : check_run(run, little)) {
    INFO(c.name << ": " << c.value << " > " << c.limit << ", " << c.detail);
    CHECK(c.result != outcome::failed);
  }
  CHECK(check(run, "littles_law").result == outcome::passed);
  CHECK(check(run, "concurrency_kept").value == 16);
}

TEST_CASE("requests that were left out of the records break Little's law of no one, but are counted as lost") {
  auto run = honest();
  run.requests.erase(run.requests.begin() + 500, run.requests.begin() + 510);
  CHECK(check(run, "none_lost").result == outcome::failed);
  CHECK(check(run, "none_lost").value == 10);
  run.facts.never_started = 10;
  CHECK(check(run, "none_lost").result == outcome::passed);
}

TEST_CASE("Little's law fails where latencies are not those of the requests in flight") {
  auto run = honest();
  // A client that stamps ends too late by a share that grows: completions and time in flight no longer belong together.
  const auto w = find_window(run.facts, metric_profile::aiperf, run.requests);
  for (auto& r : run.requests)
    if (r.sent_ns > (w.begin_ns + w.end_ns) / 2)
      r.ended_ns = w.end_ns + 1;
  const auto little = littles_law_over(run.requests, w.begin_ns, w.end_ns);
  CHECK(little.difference > 0.02);
  CHECK(test::check_named(check_run(run, little), "littles_law").result == outcome::failed);
}

TEST_CASE("a request recorded twice, a stamp before the send and tokens that usage does not know fail their checks") {
  auto run = honest();
  run.requests[7].index = 6;
  CHECK(check(run, "no_duplicates").value == 1);
  run = honest();
  run.requests[7].token_ns[3] = run.requests[7].token_ns[2] - 1;
  CHECK(check(run, "stamps_in_order").result == outcome::failed);
  run = honest();
  for (auto& r : run.requests)
    r.usage_tokens = 11;
  CHECK(check(run, "tokens_agree").result == outcome::failed);
  for (auto& r : run.requests)
    r.event_tokens = {2, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  CHECK(check(run, "tokens_agree").result == outcome::passed);
}

TEST_CASE("more in flight than allowed is seen") {
  auto run = honest();
  run.facts.concurrency = 15;
  CHECK(check(run, "concurrency_kept").result == outcome::failed);
}

TEST_CASE("Poisson arrivals pass Kolmogorov's test, regular ones fail it, a slow client misses its rate") {
  CHECK(check(open_loop(2000), "arrivals_as_asked").result == outcome::passed);
  CHECK(check(open_loop(2000), "rate_reached").result == outcome::passed);
  CHECK(check(open_loop(2000, 0.5), "arrivals_as_asked").result == outcome::failed);
  auto slow = open_loop(2000);
  for (auto& r : slow.requests)
    r.sent_ns += r.intended_ns / 20;
  CHECK(check(slow, "rate_reached").result == outcome::failed);
}

TEST_CASE("a span too short for its ends leaves Little's law open") {
  const auto run = test::closed_loop({.requests = 20, .slots = 10});
  CHECK_FALSE(littles_law_over(run.requests, 0, run.requests.back().ended_ns).known);
}
