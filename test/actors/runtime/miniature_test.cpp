// miniature_test.cpp: The smallest complete actor and its test. CONTRIBUTING.md shows this text; a check keeps the two
// equal.
#include <future>
#include <thread>

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <catch2/catch.hpp>

#include "actors/mail.hpp"
#include "adapters/nats/memory_bus.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {

// -- the core: a decision is a plain function ---------------------------------------------------------

/// Points done after one more event; events of other kinds change nothing.
int points_after(int points, const envelope& event) {
  auto news = message_as<progress>(event);
  return news && news->what == "point_measured" ? points + 1 : points;
}

// -- the shell: an actor only receives, calls, sends --------------------------------------------------

/// Interface of the TALLY, which counts the measured points of one request.
using tally_actor = caf::typed_actor<
    // An event of the request, or a question how many points there are.
    caf::reacts_to<bus_mail>>;

/// State of the TALLY; touched by its own actor only. Restarted, it reads the event stream again from the start.
struct tally_state {
  static inline const char* name = "tally";
  enum topic { happened, asked };

  void start() {
    auto me = caf::actor_cast<tally_actor>(self);
    subscriptions.push_back(around.link->subscribe(around.names.request_command(request, "tally"), into_mailbox(me, asked)));
    subscriptions.push_back(
        around.link->follow(around.names.event_stream(), around.names.event(request), 1, into_mailbox(me, happened), [] {}));
  }

  void take(const bus_mail& mail) {
    if (mail.topic == asked) {
      request_summary answer;
      answer.id = request;
      answer.points_done = points;
      return around.link->publish(mail.message.reply, encode_message("tally", request, answer));
    }
    std::vector<codec_error> errors;
    if (auto event = decode_envelope(mail.message.body, errors))
      points = points_after(points, *event);
  }

  tally_actor::pointer self = nullptr; // not a handle: an actor that holds itself never ends
  surroundings around;
  std::string request;
  int points = 0;
  std::vector<subscription_ptr> subscriptions;
};

tally_actor::behavior_type tally(tally_actor::stateful_pointer<tally_state> self, surroundings around, std::string request) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.request = std::move(request);
  state.start();
  return {[self](const bus_mail& mail) { self->state.take(mail); }};
}

} // namespace

// -- the tests: first the function, then the actor on a bus inside this process -----------------------

namespace {

std::string event_text(const std::string& id, const std::string& what) {
  progress news;
  news.what = what;
  return encode_message(id, "r", news);
}

envelope event(const std::string& what) {
  std::vector<codec_error> errors;
  return decode_envelope(event_text("e", what), errors).value();
}

} // namespace

TEST_CASE("only measured points are counted", "[miniature]") {
  CHECK(points_after(4, event("point_measured")) == 5);
  CHECK(points_after(4, event("engine_ready")) == 4);
  CHECK(points_after(4, envelope{}) == 4);
}

TEST_CASE("TALLY answers how many points were measured", "[miniature]") {
  std::shared_ptr<bus> link = make_memory_bus();
  const subjects names;
  stream_settings events;
  events.name = names.event_stream();
  events.subjects = {names.prefix() + ".event.*"};
  REQUIRE(link->ensure_stream(events) == "");
  for (const char* id : {"e1", "e2", "e2"}) // the same message id twice is one event
    link->publish_durable(names.event("r"), id, event_text(id, "point_measured"));

  caf::actor_system_config config;
  caf::actor_system system{config};
  auto uut = system.spawn(tally, surroundings{link, names, "node", "instance"}, std::string{"r"});
  auto ask = [&] {
    std::promise<int> answer;
    link->request(names.request_command("r", "tally"), "{}", std::chrono::seconds{5},
                  [&](std::optional<bus_message> m, const std::string&) {
                    std::vector<codec_error> errors;
                    auto e = m ? decode_envelope(m->body, errors) : std::nullopt;
                    auto summary = e ? message_as<request_summary>(*e) : std::nullopt;
                    answer.set_value(summary ? summary->points_done : -1);
                  });
    return answer.get_future().get();
  };
  int points = -1;
  for (int attempt = 0; attempt < 500 && points != 2; ++attempt) {
    points = ask();
    std::this_thread::sleep_for(std::chrono::milliseconds{points == 2 ? 0 : 10});
  }
  CHECK(points == 2);

  caf::anon_send_exit(uut, caf::exit_reason::user_shutdown);
  uut = nullptr;
  caf::scoped_actor {
    system
    } -> await_all_other_actors_done();
  link->close();
}

} // namespace sextant
