// installation_test.cpp: All roles together over a bus: a request comes to its answer, whatever dies on the way.
#include <filesystem>
#include <thread>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "adapters/nats/memory_bus.hpp"
#include "test/actors/runtime/request_on_bus.hpp"

using namespace sextant;
using namespace sextant::test;
using std::chrono::seconds;

namespace {

struct fixture {
  std::string root = std::filesystem::temp_directory_path() / ("sextant-installation-" + std::to_string(getpid()));
  std::shared_ptr<bus> link = make_memory_bus();
  installation_settings settings;
  std::unique_ptr<installation> roles;

  fixture() {
    if (getenv("SEXTANT_TEST_LOG"))
      spdlog::set_level(spdlog::level::debug);
    settings.host = make_simulated_host();
    settings.output_root = root;
    REQUIRE(prepare_streams(*link, settings.names) == "");
  }

  ~fixture() {
    roles.reset();
    link->close();
    std::filesystem::remove_all(root);
  }

  void start() { roles = installation::start(settings, link); }

  /// Runs a request to its end, with something done along the way; the answer.
  profile_result run(const std::string& id, const std::function<void(event_log&)>& along = {}) {
    event_log events{*link, settings.names, id};
    REQUIRE(submit(*link, settings.names, id, small_request()) == "request_accepted");
    if (along)
      along(events);
    auto end = events.wait_for({"profile_finished", "profile_failed"}, seconds{60});
    REQUIRE(end);
    INFO(end->body);
    auto finished = message_as<profile_finished>(*end);
    REQUIRE(finished);
    CHECK(std::filesystem::exists(finished->directory + "/config_with_planner.yaml"));
    return finished->result;
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "a request comes to a complete answer", "[installation]") {
  start();
  const auto result = run("plain");
  CHECK(result.feasible);
  CHECK(result.prefill_curve.size() >= 5);
  CHECK(result.decode_grid.size() >= 4);
  CHECK(result.simulated);
  CHECK(result.attempts_failed == 0);
  CHECK(roles->restarts() == 0);
}

TEST_CASE_METHOD(fixture, "the same id again is the same request", "[installation]") {
  start();
  run("twice");
  CHECK(submit(*link, settings.names, "twice", small_request()) == "request_accepted");
}

TEST_CASE_METHOD(fixture, "any role may die in the middle of a run", "[installation]") {
  start();
  const auto expected = choice(run("undisturbed"));
  for (const std::string role : {"intake", "search", "deployment", "load", "metrics", "artifacts"}) {
    INFO(role);
    const auto before = roles->restarts();
    const auto result = run("without-" + role, [&](event_log& events) {
      REQUIRE(events.wait_for_progress("point_measured", 3, seconds{30}));
      roles->crash_role(role);
    });
    CHECK(choice(result) == expected);
    CHECK(roles->restarts() == before + 1);
  }
}

TEST_CASE_METHOD(fixture, "a new process goes on where the old one was", "[installation]") {
  start();
  const auto expected = choice(run("undisturbed"));
  {
    event_log events{*link, settings.names, "resumed"};
    REQUIRE(submit(*link, settings.names, "resumed", small_request()) == "request_accepted");
    REQUIRE(events.wait_for_progress("point_measured", 4, seconds{30}));
  }
  roles.reset();
  start();
  event_log events{*link, settings.names, "resumed"};
  auto end = events.wait_for({"profile_finished", "profile_failed"}, seconds{60});
  REQUIRE(end);
  auto finished = message_as<profile_finished>(*end);
  REQUIRE(finished);
  CHECK(choice(finished->result) == expected);
}

TEST_CASE_METHOD(fixture, "a cancelled request frees its engines and ends", "[installation]") {
  start();
  event_log events{*link, settings.names, "stopped"};
  REQUIRE(submit(*link, settings.names, "stopped", small_request("exhaustive")) == "request_accepted");
  REQUIRE(events.wait_for_progress("point_measured", 2, seconds{30}));
  link->publish(settings.names.request_command("stopped", "cancel"),
                encode_message("cancel", "stopped", cancel_request{"changed my mind"}));
  auto end = events.wait_for({"profile_failed"}, seconds{30});
  REQUIRE(end);
  CHECK(message_as<profile_failed>(*end)->error.cause == failure_cause::cancelled);
}

TEST_CASE_METHOD(fixture, "a malformed submission is refused with every error", "[installation]") {
  start();
  auto bad = small_request();
  bad.options["ttft"] = "fast";
  bad.options["osl"] = "-3";
  CHECK(submit(*link, settings.names, "bad", bad) == "request_refused");
}
