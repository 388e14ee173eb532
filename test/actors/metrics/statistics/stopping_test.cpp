// stopping_test.cpp: When a run that goes on has seen enough.
#include <catch2/catch.hpp>

#include "actors/metrics/statistics/stopping.hpp"
#include "test/actors/metrics/statistics/runs.hpp"

using namespace sextant;
using namespace sextant::statistics;

namespace {

load_records run_of(size_t n) {
  return test::closed_loop({.requests = n, .slots = 16});
}

} // namespace

TEST_CASE("nothing wished for: a run goes on") {
  CHECK(next_batch(run_of(1000), {}, {}).step == next_step::go_on);
}

TEST_CASE("precision ends a run once every interval is narrow enough, and not before") {
  stop_wishes wishes;
  wishes.precision = 0.02;
  const auto early = next_batch(run_of(120), {}, wishes);
  CHECK(early.step == next_step::go_on);
  CHECK(early.reason.find("is known to") != std::string::npos);
  CHECK(early.ask_again_at == 150);
  CHECK(next_batch(run_of(8000), {}, wishes).step == next_step::enough);
  // Law & Kelton's correction: what is reported must then be at most 2 %.
  size_t n = 100;
  stop_answer answer;
  while ((answer = next_batch(run_of(n), {}, wishes)).step == next_step::go_on)
    n = answer.ask_again_at;
  const auto summary = summarise_load(run_of(n), {});
  const auto* ttft = summary.find("time_to_first_token");
  CHECK((ttft->values.high - ttft->values.low) / 2 <= 0.02 * ttft->values.mean);
}

TEST_CASE("no precision is looked for in fewer requests than asked, and a tail needs 368") {
  stop_wishes wishes;
  wishes.precision = 0.5;
  CHECK(next_batch(run_of(99), {}, wishes).step == next_step::go_on);
  CHECK(next_batch(run_of(99), {}, wishes).ask_again_at == 124);
  CHECK(next_batch(run_of(200), {}, wishes).step == next_step::enough);
  wishes.tail_precision = 0.9;
  CHECK(next_batch(run_of(200), {}, wishes).step == next_step::go_on);
  CHECK(next_batch(run_of(200), {}, wishes).ask_again_at == 368);
  CHECK(next_batch(run_of(2000), {}, wishes).step == next_step::enough);
}

TEST_CASE("verdicts end a run when each limit is decided") {
  stop_wishes wishes;
  wishes.verdicts = true;
  summary_options options;
  options.limits = {{{"time_to_first_token", 1000}, 0.99}, {{"request_latency", 10}, 0.99}};
  CHECK(next_batch(run_of(250), options, wishes).step == next_step::go_on); // a pass takes 291 requests
  CHECK(next_batch(run_of(400), options, wishes).step == next_step::enough);
}

TEST_CASE("a spent budget ends a run whatever is known") {
  stop_wishes wishes;
  wishes.precision = 1e-6;
  wishes.most_requests = 500;
  CHECK(next_batch(run_of(499), {}, wishes).step == next_step::go_on);
  CHECK(next_batch(run_of(499), {}, wishes).ask_again_at == 500);
  CHECK(next_batch(run_of(500), {}, wishes).step == next_step::budget_spent);
  wishes.most_requests = 0;
  wishes.most_ns = 1'000'000'000;
  CHECK(next_batch(run_of(1000), {}, wishes).step == next_step::budget_spent);
}
