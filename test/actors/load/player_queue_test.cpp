#include "actors/load/player_queue.hpp"
#include "actors/load/traffic/parts.hpp"

#include <catch2/catch.hpp>

using namespace sextant::load;

namespace {

constexpr int64_t ms = 1'000'000;

traffic_schedule closed_loop(uint32_t sessions, uint32_t turns = 1) {
  traffic_schedule s;
  for (uint32_t i = 0; i < sessions; ++i)
    for (uint32_t t = 0; t < turns; ++t) {
      planned_request r;
      r.index = static_cast<uint32_t>(s.requests.size());
      r.session = i;
      r.turn = t;
      r.delay_ns = t > 0 ? 5 * ms : 0;
      s.requests.push_back(r);
    }
  return s;
}

traffic_schedule timed(std::vector<int64_t> times_ms) {
  auto s = closed_loop(static_cast<uint32_t>(times_ms.size()));
  for (size_t i = 0; i < times_ms.size(); ++i)
    s.requests[i].intended_ns = times_ms[i] * ms;
  return s;
}

/// How many may be sent at this time.
int drain(dispatch_queue& queue, int64_t now_ns) {
  int n = 0;
  while (queue.next(now_ns))
    ++n;
  return n;
}

} // namespace

TEST_CASE("a closed loop sends as slots are free") {
  const auto schedule = closed_loop(10);
  phase_plan plan{schedule, traffic_phase::profiling};
  dispatch_queue queue{plan, {.concurrency = 3}, 0, 1};
  CHECK(drain(queue, 0) == 3);
  queue.ended(0, 2 * ms);
  const auto next = queue.next(2 * ms);
  REQUIRE(next);
  CHECK(next->position == 3);
  CHECK(next->intended_ns == 2 * ms); // no time in the plan: wanted when the slot was free
  CHECK_FALSE(queue.exhausted(2 * ms));
}

TEST_CASE("a request of a plan is sent at its time, and late when no slot was free") {
  const auto schedule = timed({0, 10, 20});
  phase_plan plan{schedule, traffic_phase::profiling};
  dispatch_queue queue{plan, {.concurrency = 1}, 0, 1};
  CHECK(queue.next_time(0) == 0);
  REQUIRE(queue.next(0));
  CHECK_FALSE(queue.next(15 * ms));
  CHECK(queue.next_time(15 * ms) == dispatch_queue::never_ns); // only an end makes room
  queue.ended(0, 15 * ms);
  const auto second = queue.next(15 * ms);
  REQUIRE(second);
  CHECK(second->intended_ns == 10 * ms);
  CHECK(second->waited);
  queue.ended(1, 16 * ms);
  CHECK(queue.next_time(16 * ms) == 20 * ms);
  const auto third = queue.next(20 * ms);
  REQUIRE(third);
  CHECK_FALSE(third->waited);
  queue.ended(2, 30 * ms);
  CHECK(queue.exhausted(30 * ms));
}

TEST_CASE("a limit grows linearly from one, and the next time tells when it has grown") {
  const auto schedule = closed_loop(20);
  phase_plan plan{schedule, traffic_phase::profiling};
  dispatch_queue queue{plan, {.concurrency = 11, .ramp_ns = 100 * ms}, 0, 1};
  CHECK(drain(queue, 0) == 1);
  for (int64_t now = 0; now < 100 * ms;) {
    const auto next = queue.next_time(now);
    REQUIRE(next > now);
    REQUIRE(next <= now + 11 * ms);
    CHECK(drain(queue, next - 2) == 0);
    CHECK(drain(queue, next) == 1);
    now = next;
  }
  CHECK(drain(queue, 200 * ms) == 0); // 11 are under way
}

TEST_CASE("requests without output are limited by themselves, also while that limit grows") {
  const auto schedule = closed_loop(20);
  phase_plan plan{schedule, traffic_phase::profiling};
  dispatch_queue queue{plan, {.concurrency = 10, .prefill_concurrency = 3, .prefill_ramp_ns = 100 * ms}, 0, 1};
  CHECK(drain(queue, 0) == 1);
  CHECK(queue.next_time(0) == 50 * ms + 1);
  CHECK(drain(queue, 51 * ms) == 1);
  queue.output_began();
  CHECK(drain(queue, 51 * ms) == 1);
  CHECK(drain(queue, 100 * ms) == 1);
  CHECK(queue.next_time(100 * ms) == dispatch_queue::never_ns);
}

TEST_CASE("a session keeps its slot and its pauses until the last turn") {
  const auto schedule = closed_loop(2, 2);
  phase_plan plan{schedule, traffic_phase::profiling};
  dispatch_queue queue{plan, {.concurrency = 1}, 0, 1};
  CHECK(queue.next(0)->position == 0);
  queue.ended(0, 10 * ms);
  CHECK_FALSE(queue.next(12 * ms));
  CHECK(queue.next_time(12 * ms) == 15 * ms);
  CHECK(queue.next(15 * ms)->position == 1);
  queue.ended(1, 20 * ms);
  CHECK(queue.next(20 * ms)->position == 2);
}

TEST_CASE("loops share a plan without gap or double") {
  const auto schedule = timed({0, 1, 2, 3, 4, 5, 6});
  phase_plan plan{schedule, traffic_phase::profiling};
  std::vector<int> seen(7);
  for (int loop = 0; loop < 3; ++loop) {
    dispatch_queue queue{plan, {}, loop, 3};
    while (const auto due = queue.next(100 * ms))
      ++seen[due->position];
    CHECK_FALSE(queue.exhausted(100 * ms));
  }
  CHECK(seen == std::vector<int>(7, 1));
  CHECK(share_of(10, 0, 3) + share_of(10, 1, 3) + share_of(10, 2, 3) == 10);
}

TEST_CASE("nothing is sent after the end of a phase") {
  const auto schedule = closed_loop(5);
  phase_plan plan{schedule, traffic_phase::profiling};
  dispatch_queue queue{plan, {.concurrency = 1, .ends_ns = 10 * ms}, 0, 1};
  REQUIRE(queue.next(9 * ms));
  queue.ended(0, 11 * ms);
  CHECK_FALSE(queue.next(11 * ms));
  CHECK(queue.exhausted(11 * ms));
}
