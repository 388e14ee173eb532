// bus_contract_test.cpp: What every bus promises, played against the one in memory and the one over a private server.
#include <set>
#include <thread>

#include "test/adapters/nats/bus_worlds.hpp"

using namespace sextant;
using namespace sextant::test;
using namespace std::chrono_literals;

TEMPLATE_TEST_CASE("a subscriber gets what is published, in order and with headers", "[bus]", memory_world, server_world) {
  TestType w;
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

TEMPLATE_TEST_CASE("a destroyed subscription hears nothing more", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  collector<bus_message> gone, here;
  auto first = b->subscribe("x", into(gone));
  auto second = b->subscribe("x", into(here));
  first.reset();
  b->publish("x", "1");
  REQUIRE(here.reaches(1));
  CHECK(gone.size() == 0);
}

TEMPLATE_TEST_CASE("one member of a group gets each message", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  collector<bus_message> seen;
  auto one = b->subscribe_group("g", "team", into(seen));
  auto two = b->subscribe_group("g", "team", into(seen));
  for (int i = 0; i < 20; ++i)
    b->publish("g", std::to_string(i));
  collector<bus_message> last;
  auto end = b->subscribe("end", into(last));
  REQUIRE(seen.reaches(20));
  b->publish("end", "");
  REQUIRE(last.reaches(1));
  CHECK(seen.size() == 20);
}

TEMPLATE_TEST_CASE("a request is answered, refused at once without listener, and ends in time", "[bus]", memory_world,
                   server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  auto service = other->subscribe("add.one", [&](bus_message m) { other->publish(m.reply, m.body + "+1"); });
  auto silent = other->subscribe("silent", [](const bus_message&) {});
  REQUIRE(other->flush(5s));
  collector<std::string> answers;
  auto keep = [&](std::optional<bus_message> m, std::string error) { answers.push(m ? m->body : "error: " + error); };
  b->request("add.one", "41", 10s, keep);
  REQUIRE(answers.reaches(1));
  CHECK(answers.all()[0] == "41+1");
  b->request("nobody.there", "", 10s, keep);
  REQUIRE(answers.reaches(2, 5s));
  CHECK(answers.all()[1].find("error: nobody answers") == 0);
  b->request("silent", "", 50ms, keep);
  REQUIRE(answers.reaches(3));
  CHECK(answers.all()[2].find("in time") != std::string::npos);
}

TEMPLATE_TEST_CASE("durable messages keep their order and are stored once per id", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  for (int i = 0; i < 200; ++i) {
    b->publish_durable("log.a", "id" + std::to_string(i), std::to_string(i), {{"N", std::to_string(i)}});
    b->publish_durable("log.a", "id" + std::to_string(i / 2), "again");
  }
  REQUIRE(b->flush(10s));
  collector<bus_message> seen;
  collector<int> caught_up;
  auto f = b->follow("log", "log.>", 0, into(seen), [&] { caught_up.push(1); });
  REQUIRE(caught_up.reaches(1));
  const auto all = seen.all();
  REQUIRE(all.size() == 200);
  for (int i = 0; i < 200; ++i) {
    CHECK(all[i].body == std::to_string(i));
    CHECK(all[i].sequence == static_cast<uint64_t>(i) + 1);
    CHECK(all[i].headers.at("N") == std::to_string(i));
  }
}

TEMPLATE_TEST_CASE("a durable message that no stream takes is refused, and does not hold up others", "[bus]", memory_world,
                   server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  CHECK(stored(*b, "elsewhere", "1", "x").find("no stream") != std::string::npos);
  CHECK(stored(*b, "log.a", "2", "x") == "");
  CHECK(stored(*b, "log.*", "3", "x").find("subject") != std::string::npos);
  CHECK(stored(*b, "log.a b", "4", "x").find("subject") != std::string::npos);
  CHECK(stored(*b, "log..a", "5", "x").find("subject") != std::string::npos);
}

TEMPLATE_TEST_CASE("a message beyond the server's limit is an error, not a loss of the connection", "[bus]", memory_world,
                   server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  const std::string big(9 * 1024 * 1024, 'x'), fits(7 * 1024 * 1024, 'y');
  CHECK(stored(*b, "log.a", "1", big).find("larger") != std::string::npos);
  CHECK(stored(*b, "log.a", "2", fits) == "");
  b->publish("core", big);
  collector<std::string> answers;
  b->request("core", big, 5s, [&](std::optional<bus_message>, std::string error) { answers.push(error); });
  REQUIRE(answers.reaches(1));
  CHECK(answers.all()[0].find("larger") != std::string::npos);
}

TEMPLATE_TEST_CASE("work goes to one worker and comes back until it is acknowledged", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  collector<job> jobs;
  auto one = b->consume(workers("work", 300ms, 4), into(jobs));
  auto two = other->consume(workers("work", 300ms, 4), into(jobs));
  b->publish_durable("work.a", "m1", "body");
  REQUIRE(jobs.reaches(2));
  CHECK(jobs.all()[0].message.delivery == 1);
  CHECK(jobs.all()[1].message.delivery == 2);
  CHECK(jobs.all()[1].message.body == "body");
  CHECK(jobs.all()[1].message.sequence == 1);
  jobs.all()[1].settle->ack();
  b->publish_durable("work.a", "m2", "next");
  REQUIRE(jobs.reaches(3));
  CHECK(jobs.all()[2].message.body == "next");
  jobs.all()[2].settle->ack();
}

TEMPLATE_TEST_CASE("acknowledged work is gone for a later consumer", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  {
    collector<job> jobs;
    auto s = b->consume(workers("work", 5s, 4), into(jobs));
    b->publish_durable("work.a", "m1", "1");
    REQUIRE(jobs.reaches(1));
    jobs.all()[0].settle->ack();
    REQUIRE(b->flush(5s));
  }
  b->publish_durable("work.a", "m2", "2");
  collector<job> jobs;
  auto s = b->consume(workers("work", 5s, 4), into(jobs));
  REQUIRE(jobs.reaches(1));
  CHECK(jobs.all()[0].message.body == "2");
}

TEMPLATE_TEST_CASE("work that is given back comes again after the wait", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  collector<job> jobs;
  auto s = b->consume(workers("work", 30s, 4), into(jobs));
  b->publish_durable("work.a", "m1", "1");
  REQUIRE(jobs.reaches(1));
  jobs.all()[0].settle->retry(50ms);
  REQUIRE(jobs.reaches(2, 10s));
  jobs.all()[1].settle->retry(0ms);
  REQUIRE(jobs.reaches(3, 10s));
  CHECK(jobs.all()[2].message.delivery == 3);
  jobs.all()[2].settle->ack();
  jobs.all()[2].settle->retry(0ms); // only the first counts
}

TEMPLATE_TEST_CASE("signs of life keep work with its worker", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  collector<job> jobs;
  auto s = b->consume(workers("work", 800ms, 4), into(jobs));
  b->publish_durable("work.a", "m1", "1");
  REQUIRE(jobs.reaches(1));
  for (int i = 0; i < 7; ++i) {
    jobs.all()[0].settle->working();
    std::this_thread::sleep_for(150ms);
  }
  CHECK(jobs.size() == 1); // 1.05 s, longer than the acknowledgement wait
  jobs.all()[0].settle->ack();
}

TEMPLATE_TEST_CASE("a worker holds no more than its limit", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  collector<job> jobs;
  auto s = b->consume(workers("work", 30s, 2), into(jobs));
  for (int i = 0; i < 6; ++i)
    b->publish_durable("work.a", std::to_string(i), std::to_string(i));
  REQUIRE(b->flush(5s));
  REQUIRE(jobs.reaches(2));
  CHECK_FALSE(jobs.reaches(3, 100ms));
  jobs.all()[0].settle->ack();
  REQUIRE(jobs.reaches(3));
  for (size_t i = 1; i < 6; ++i) {
    REQUIRE(jobs.reaches(i + 1));
    jobs.all()[i].settle->ack();
  }
  std::set<std::string> bodies;
  for (const auto& j : jobs.all())
    bodies.insert(j.message.body);
  CHECK(bodies.size() == 6);
}

TEMPLATE_TEST_CASE("credit bounds what is delivered, and may be lowered", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  REQUIRE(b->ensure_stream(stream_of("work", true)) == "");
  collector<job> mine, theirs;
  auto s = b->consume(workers("work", 30s, 64), into(mine));
  REQUIRE(b->flush(5s));
  s->set_credit(1);
  b->publish_durable("work.a", "1", "1");
  b->publish_durable("work.a", "2", "2");
  REQUIRE(b->flush(5s));
  REQUIRE(mine.reaches(1));
  CHECK_FALSE(mine.reaches(2, 100ms));
  mine.all()[0].settle->ack(); // finished work alone gives no credit
  CHECK_FALSE(mine.reaches(2, 50ms));
  s->set_credit(1);
  REQUIRE(mine.reaches(2));
  s->set_credit(5);
  s->set_credit(0);
  REQUIRE(b->flush(5s));
  auto t = other->consume(workers("work", 30s, 64), into(theirs));
  b->publish_durable("work.a", "3", "3");
  REQUIRE(theirs.reaches(1));
  CHECK(theirs.all()[0].message.body == "3");
  CHECK(mine.size() == 2);
}

TEMPLATE_TEST_CASE("following an empty stream is caught up at once, then brings what is new", "[bus]", memory_world,
                   server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  collector<std::string> seen;
  auto f = b->follow(
      "log", "log.a", 0, [&](bus_message m) { seen.push(m.body); }, [&] { seen.push("caught up"); });
  REQUIRE(seen.reaches(1));
  b->publish_durable("log.b", "1", "other");
  b->publish_durable("log.a", "2", "new");
  REQUIRE(seen.reaches(2));
  CHECK(seen.all() == std::vector<std::string>{"caught up", "new"});
}

TEMPLATE_TEST_CASE("following starts at a sequence and tells old from new", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  for (int i = 1; i <= 5; ++i)
    b->publish_durable("log.a", std::to_string(i), std::to_string(i));
  REQUIRE(b->flush(5s));
  collector<std::string> seen;
  auto f = b->follow(
      "log", "log.>", 3, [&](bus_message m) { seen.push(m.body); }, [&] { seen.push("caught up"); });
  REQUIRE(seen.reaches(4));
  b->publish_durable("log.a", "6", "6");
  REQUIRE(seen.reaches(5));
  CHECK(seen.all() == std::vector<std::string>{"3", "4", "5", "caught up", "6"});
}

TEMPLATE_TEST_CASE("a plain publish to a stream's subject is stored, too", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  collector<bus_message> heard, stored_messages;
  auto s = b->subscribe("log.a", into(heard));
  b->publish("log.a", "plain");
  b->publish_durable("log.a", "1", "durable");
  REQUIRE(heard.reaches(2));
  REQUIRE(b->flush(5s));
  auto f = b->follow("log", "log.>", 0, into(stored_messages), {});
  REQUIRE(stored_messages.reaches(2));
  CHECK(bodies(stored_messages.all()).size() == 2);
}

TEMPLATE_TEST_CASE("a stream's settings can be changed by calling again", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  auto settings = stream_of("log", false);
  REQUIRE(b->ensure_stream(settings) == "");
  REQUIRE(b->ensure_stream(settings) == "");
  settings.subjects.push_back("more.>");
  REQUIRE(b->ensure_stream(settings) == "");
  CHECK(stored(*b, "more.a", "1", "x") == "");
}

TEMPLATE_TEST_CASE("a lease has one holder until it is released or lost", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  REQUIRE(b->ensure_bucket("leases", 30s) == "");
  const auto mine = taken(*b, "request.r1", "me");
  REQUIRE(mine.revision > 0);
  CHECK(mine.key == "request.r1");
  CHECK(taken(*other, "request.r1", "them").revision == 0);
  CHECK(taken(*other, "request.r2", "them").revision > 0);
  const auto next = renewed(*b, mine);
  CHECK(next.revision > mine.revision);
  CHECK(renewed(*b, mine).revision == 0); // an old revision renews nothing
  b->release_lease("leases", mine);       // nor does it release
  REQUIRE(b->flush(5s));
  CHECK(taken(*other, "request.r1", "them").revision == 0);
  b->release_lease("leases", next);
  REQUIRE(b->flush(5s));
  const auto theirs = taken(*other, "request.r1", "them");
  CHECK(theirs.revision > next.revision);
  CHECK(renewed(*b, next).revision == 0);
}

TEMPLATE_TEST_CASE("a lease that is not renewed runs out", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  REQUIRE(b->ensure_bucket("leases", 500ms) == "");
  const auto mine = taken(*b, "k", "me");
  REQUIRE(mine.revision > 0);
  lease theirs;
  for (int i = 0; i < 100 && theirs.revision == 0; ++i) {
    std::this_thread::sleep_for(20ms);
    theirs = taken(*other, "k", "them");
  }
  CHECK(theirs.revision > mine.revision);
  CHECK(renewed(*b, mine).revision == 0);
}

TEMPLATE_TEST_CASE("a bucket is followed: what is held, then what is taken and renewed", "[bus]", memory_world,
                   server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  REQUIRE(b->ensure_bucket("leases", 30s) == "");
  const auto gone = taken(*b, "gone", "me");
  const auto first = taken(*b, "node.one", "once");
  const auto second = renewed(*b, first);
  REQUIRE(second.revision > 0);
  b->release_lease("leases", gone);
  REQUIRE(b->flush(5s));
  collector<std::string> seen;
  auto f = other->follow_bucket(
      "leases",
      [&](bus_message m) { seen.push(m.subject + "=" + m.body + (m.sequence == second.revision ? " as renewed" : "")); },
      [&] { seen.push("caught up"); });
  REQUIRE(seen.reaches(2));
  REQUIRE(taken(*other, "node.two", "them").revision > 0);
  CHECK(taken(*other, "node.one", "them").revision == 0); // refused: nothing to see
  REQUIRE(renewed(*b, second).revision > 0);
  REQUIRE(seen.reaches(4));
  CHECK(seen.all() == std::vector<std::string>{"node.one=me as renewed", "caught up", "node.two=them", "node.one=me"});
}

TEMPLATE_TEST_CASE("a lease that ran out is not among those of its bucket", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect();
  REQUIRE(b->ensure_bucket("leases", 300ms) == "");
  REQUIRE(taken(*b, "k", "me").revision > 0);
  std::this_thread::sleep_for(600ms);
  collector<std::string> seen;
  auto f = b->follow_bucket(
      "leases", [&](bus_message m) { seen.push(m.subject); }, [&] { seen.push("caught up"); });
  REQUIRE(seen.reaches(1));
  CHECK(seen.all() == std::vector<std::string>{"caught up"});
}

TEMPLATE_TEST_CASE("a closed bus does nothing and says so", "[bus]", memory_world, server_world) {
  TestType w;
  auto b = w.connect(), other = w.connect();
  REQUIRE(b->ensure_stream(stream_of("log", false)) == "");
  collector<bus_message> seen;
  auto s = b->subscribe("log.a", into(seen));
  b->publish_durable("log.a", "1", "before"); // closing waits for it
  b->close();
  const auto heard = seen.size();
  b->publish("log.a", "after");
  CHECK(stored(*b, "log.a", "2", "after") == "the bus is closed");
  CHECK(taken(*b, "k", "me").revision == 0);
  CHECK(stored(*other, "log.a", "3", "other") == "");
  CHECK(seen.size() == heard);
  collector<bus_message> kept;
  auto f = other->follow("log", "log.a", 0, into(kept), {});
  REQUIRE(kept.reaches(2));
  CHECK(bodies(kept.all()) == std::vector<std::string>{"before", "other"});
}

TEMPLATE_TEST_CASE("a stream is found where somebody made it, and its messages are taken", "[bus]", memory_world,
                   server_world) {
  TestType w;
  auto maker = w.connect(), finder = w.connect();
  CHECK(finder->find_stream(stream_of("log", false)) != "");
  REQUIRE(maker->ensure_stream(stream_of("log", false)) == "");
  CHECK(finder->find_stream(stream_of("log", false)) == "");
  CHECK(finder->find_bucket("leases") != "");
  REQUIRE(maker->ensure_bucket("leases", 30s) == "");
  CHECK(finder->find_bucket("leases") == "");
  CHECK(stored(*finder, "log.a", "1", "x") == "");
}

TEST_CASE("a full stream refuses what may be refused and makes the rest wait until there is room", "[bus]") {
  server_world w;
  auto b = w.connect();
  auto settings = stream_of("log", false);
  settings.max_messages = 2;
  settings.refuse_when_full = true;
  REQUIRE(b->ensure_stream(settings) == "");
  REQUIRE(stored(*b, "log.a", "1", "x") == "");
  REQUIRE(stored(*b, "log.a", "2", "x") == "");
  collector<std::string> refused, waited;
  b->publish_durable(
      "log.a", "3", "x", {}, [&](std::string error) { refused.push(std::move(error)); }, when_full::refuse);
  REQUIRE(refused.reaches(1));
  CHECK(refused.all()[0].find("maximum messages exceeded") != std::string::npos);
  b->publish_durable("log.a", "4", "x", {}, [&](std::string error) { waited.push(std::move(error)); });
  std::this_thread::sleep_for(300ms);
  CHECK(waited.size() == 0);
  settings.max_messages = 10;
  REQUIRE(b->ensure_stream(settings) == "");
  REQUIRE(waited.reaches(1));
  CHECK(waited.all()[0] == "");
}
