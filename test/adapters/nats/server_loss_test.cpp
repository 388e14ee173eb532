// server_loss_test.cpp: The server is killed in the middle of everything; nothing is lost and nothing comes twice.
#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

#include "test/adapters/nats/bus_worlds.hpp"

using namespace sextant;
using namespace sextant::test;
using namespace std::chrono_literals;

namespace {

void kill_server(server_world& w) {
  const auto pid = w.server->pid();
  REQUIRE(pid > 0);
  REQUIRE(::kill(pid, SIGKILL) == 0);
}

std::vector<std::string> numbers(int from, int to) {
  std::vector<std::string> out;
  for (int i = from; i < to; ++i)
    out.push_back(std::to_string(i));
  return out;
}

} // namespace

TEST_CASE("durable messages and a follower survive a killed server", "[loss]") {
  server_world w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  collector<bus_message> seen;
  collector<int> caught_up;
  collector<std::string> done;
  auto f = b->follow("log", "log.>", 0, into(seen), [&] { caught_up.push(1); });
  REQUIRE(caught_up.reaches(1));
  constexpr int count = 3000;
  for (int i = 0; i < count; ++i) {
    b->publish_durable("log.a", "id" + std::to_string(i), std::to_string(i), {},
                       [&](std::string error) { done.push(std::move(error)); });
    if (i % 1000 == 500) {
      REQUIRE(seen.reaches(static_cast<size_t>(i) - 400, 30s));
      kill_server(w);
    }
  }
  REQUIRE(done.reaches(count, 30s));
  REQUIRE(seen.reaches(count, 30s));
  CHECK(bodies(seen.all()) == numbers(0, count));
  CHECK(caught_up.size() == 1);
  const auto answers = done.all();
  CHECK(std::all_of(answers.begin(), answers.end(), [](const auto& error) { return error.empty(); }));
  // What the server kept is the same, read again from the start.
  collector<bus_message> again;
  auto g = b->follow("log", "log.>", 0, into(again), [&] { caught_up.push(2); });
  REQUIRE(caught_up.reaches(2));
  CHECK(bodies(again.all()) == numbers(0, count));
}

TEST_CASE("work survives a killed server, and what is done stays done", "[loss]") {
  server_world w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  constexpr int count = 600;
  collector<std::string> handled;
  collector<job> held;
  auto s = b->consume(workers("work", 2s, 32), [&](bus_message m, delivery_ptr d) {
    handled.push(m.body);
    d->ack();
  });
  for (int i = 0; i < count; ++i) {
    b->publish_durable("work.a", std::to_string(i), std::to_string(i));
    if (i == 150 || i == 400) {
      REQUIRE(handled.reaches(static_cast<size_t>(i) - 100, 30s));
      kill_server(w);
    }
  }
  REQUIRE(handled.reaches(count, 30s));
  b->publish_durable("work.a", "last", "last");
  REQUIRE(handled.reaches(count + 1, 30s));
  auto all = handled.all();
  CHECK(all.size() == count + 1);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == count + 1);
}

TEST_CASE("work in hand can be finished after the server came back", "[loss]") {
  server_world w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  collector<job> jobs;
  auto s = b->consume(workers("work", 20s, 4), into(jobs));
  b->publish_durable("work.a", "1", "1");
  REQUIRE(jobs.reaches(1));
  kill_server(w);
  jobs.all()[0].settle->working();
  b->publish_durable("work.a", "2", "2");
  REQUIRE(jobs.reaches(2, 30s));
  jobs.all()[0].settle->ack();
  jobs.all()[1].settle->ack();
  REQUIRE(b->flush(10s));
  // A worker that comes later finds the queue empty but for what is new.
  s.reset();
  collector<job> later;
  auto t = b->consume(workers("work", 20s, 4), into(later));
  b->publish_durable("work.a", "3", "3");
  REQUIRE(later.reaches(1));
  CHECK(later.all()[0].message.body == "3");
}

TEST_CASE("a lease outlives its server, and subscriptions and requests work again", "[loss]") {
  server_world w;
  auto b = w.connect();
  REQUIRE(b->ensure_bucket("leases", 60s) == "");
  const auto mine = taken(*b, "k", "me");
  REQUIRE(mine.revision > 0);
  collector<bus_message> seen;
  auto s = b->subscribe("a", into(seen));
  auto service = b->subscribe("ask", [&](bus_message m) { b->publish(m.reply, "yes"); });
  kill_server(w);
  const auto next = renewed(*b, mine); // waits for the server
  CHECK(next.revision > mine.revision);
  CHECK(taken(*b, "k", "them").revision == 0);
  b->publish("a", "after");
  REQUIRE(seen.reaches(1));
  collector<std::string> answers;
  b->request("ask", "", 10s, [&](std::optional<bus_message> m, std::string error) { answers.push(m ? m->body : error); });
  REQUIRE(answers.reaches(1));
  CHECK(answers.all()[0] == "yes");
}

TEST_CASE("an in-memory stream is made again and followed from its new start", "[loss]") {
  server_world w;
  auto b = w.connect();
  auto settings = stream_of("events", false);
  settings.in_memory = true;
  REQUIRE(b->ensure_stream(settings) == "");
  collector<bus_message> seen;
  auto f = b->follow("events", "events.>", 0, into(seen), {});
  for (int i = 0; i < 5; ++i)
    CHECK(stored(*b, "events.a", "a" + std::to_string(i), std::to_string(i)) == "");
  REQUIRE(seen.reaches(5));
  kill_server(w);
  for (int i = 5; i < 8; ++i)
    b->publish_durable("events.a", "a" + std::to_string(i), std::to_string(i));
  REQUIRE(seen.reaches(8, 30s));
  CHECK(bodies(seen.all()) == numbers(0, 8));
}

TEST_CASE("loss and return of the connection are told", "[loss]") {
  server_world w;
  collector<bool> states;
  auto settings = w.settings();
  settings.on_connection = [&](bool connected, const std::string&) { states.push(connected); };
  std::string error;
  {
    auto b = connect_nats(settings, error);
    REQUIRE(b);
    kill_server(w);
    REQUIRE(states.reaches(2, 30s));
    CHECK(states.all() == std::vector<bool>{false, true});
  }
  CHECK(states.size() == 2); // closing is no loss
}

TEST_CASE("a server that cannot be used is a clear error", "[loss]") {
  std::string error;
  nats_settings settings;
  settings.url = "nats://127.0.0.1:1";
  CHECK_FALSE(connect_nats(settings, error));
  CHECK(error.find("127.0.0.1:1") != std::string::npos);
  server_world w;
  auto wrong = w.settings();
  wrong.token = "wrong";
  CHECK_FALSE(connect_nats(wrong, error));
  CHECK(error.find("uthorization") != std::string::npos);
  CHECK(error.find(w.server->token()) == std::string::npos);
}
