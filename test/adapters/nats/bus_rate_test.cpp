// bus_rate_test.cpp: How fast the bus over NATS is; hidden, run with `test_adapters_nats "[.rate]"`. Prints, asserts nothing
// about time.
#include <algorithm>
#include <iostream>

#include "test/adapters/nats/bus_worlds.hpp"

using namespace sextant;
using namespace sextant::test;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

} // namespace

TEST_CASE("rates and latencies of the bus", "[.rate]") {
  auto start = clock_type::now();
  server_world w;
  std::cout << "server start " << seconds_since(start) * 1e3 << " ms\n";
  start = clock_type::now();
  auto b = w.connect();
  std::cout << "connect " << seconds_since(start) * 1e3 << " ms\n";
  start = clock_type::now();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  std::cout << "two streams " << seconds_since(start) * 1e3 << " ms\n";

  constexpr int count = 20000;
  collector<int> caught_up;
  std::atomic<int> followed{0};
  auto f = b->follow(
      "log", "log.>", 0, [&](const bus_message&) { ++followed; }, [&] { caught_up.push(1); });
  REQUIRE(caught_up.reaches(1));
  start = clock_type::now();
  for (int i = 0; i < count; ++i)
    b->publish_durable("log.a", "id" + std::to_string(i), std::string(128, 'x'));
  REQUIRE(b->flush(60s));
  std::cout << "durable publish " << count / seconds_since(start) << " /s, followed " << followed << "\n";

  collector<int> handled;
  start = clock_type::now();
  auto s = b->consume(workers("work", 10s, 64), [&](const bus_message&, const delivery_ptr& d) {
    d->ack();
    handled.push(1);
  });
  for (int i = 0; i < count; ++i)
    b->publish_durable("work.a", "w" + std::to_string(i), std::string(128, 'x'));
  REQUIRE(handled.reaches(count, 60s));
  std::cout << "publish, consume, acknowledge " << count / seconds_since(start) << " /s\n";

  auto service = b->subscribe("echo", [&](bus_message m) { b->publish(m.reply, m.body); });
  std::vector<double> times;
  for (int i = 0; i < 500; ++i) {
    collector<int> answers;
    start = clock_type::now();
    b->request("echo", "x", 5s, [&](const std::optional<bus_message>&, const std::string&) { answers.push(1); });
    REQUIRE(answers.reaches(1));
    times.push_back(seconds_since(start) * 1e3);
  }
  std::sort(times.begin(), times.end());
  std::cout << "request and answer p50 " << times[250] << " ms, p99 " << times[495] << " ms\n";
  start = clock_type::now();
  b.reset();
  std::cout << "close " << seconds_since(start) * 1e3 << " ms\n";
  start = clock_type::now();
  w.server.reset();
  std::cout << "server end " << seconds_since(start) * 1e3 << " ms\n";
}
