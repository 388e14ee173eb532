// bus_contract_test.cpp: What every bus promises, played against the one in memory and the one over a private server.
#include <catch2/catch.hpp>

#include "adapters/nats/memory_bus.hpp"
#include "test/adapters/nats/collector.hpp"

using namespace sextant;
using namespace std::chrono_literals;
using sextant::test::collector;

namespace {

/// A server and the ways to reach it.
struct world {
  std::shared_ptr<memory_broker> broker = make_memory_broker();

  std::unique_ptr<bus> connect() { return make_memory_bus(broker); }
};

stream_settings queue_settings(const std::string& name) {
  stream_settings s;
  s.name = name;
  s.subjects = {name + ".>"};
  s.work_queue = true;
  return s;
}

struct job {
  bus_message message;
  delivery_ptr settle;
};

bus::work_handler into(collector<job>& jobs) {
  return [&jobs](bus_message m, delivery_ptr d) { jobs.push({std::move(m), std::move(d)}); };
}

bus::message_handler into(collector<bus_message>& messages) {
  return [&messages](bus_message m) { messages.push(std::move(m)); };
}

} // namespace

TEST_CASE("a subscriber gets what is published, in order and with headers", "[bus]") {
  world w;
  auto b = w.connect();
  collector<bus_message> seen;
  auto s = b->subscribe("a.*.c", into(seen));
  b->publish("a.b.c", "1", {{"Trace-Id", "x"}});
  b->publish("a.b.d", "no");
  b->publish("a.x.c", "2");
  REQUIRE(seen.reaches(2));
  CHECK(seen.all()[0].body == "1");
  CHECK(seen.all()[0].headers.at("Trace-Id") == "x");
  CHECK(seen.all()[1].subject == "a.x.c");
}

TEST_CASE("a stored message is delivered to one worker and again until it is acknowledged", "[bus]") {
  world w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(queue_settings("work")).empty());
  collector<job> jobs;
  consumer_settings c{"work", "workers", "work.>", 100ms, 4};
  auto s = b->consume(c, into(jobs));
  b->publish_durable("work.a", "m1", "one");
  REQUIRE(jobs.reaches(2));
  CHECK(jobs.all()[0].message.delivery == 1);
  CHECK(jobs.all()[1].message.delivery == 2);
  jobs.all()[1].settle->ack();
}
