// faults_test.cpp: What may break around the roles while a request runs: an engine, the message server.
#include <csignal>
#include <filesystem>
#include <thread>
#include <unistd.h>

#include "adapters/http/client.hpp"
#include "adapters/nats/memory_bus.hpp"
#include "adapters/nats/nats_bus.hpp"
#include "adapters/nats/private_server.hpp"
#include "test/actors/runtime/request_on_bus.hpp"

using namespace sextant;
using namespace sextant::test;
using std::chrono::seconds;

namespace {

struct place {
  std::string root = std::filesystem::temp_directory_path() / ("sextant-faults-" + std::to_string(getpid()));
  ~place() { std::filesystem::remove_all(root); }
};

installation_settings settings_in(const place& where) {
  installation_settings settings;
  settings.host = make_simulated_host();
  settings.output_root = where.root + "/out";
  return settings;
}

profile_result finish(bus& link, const installation_settings& settings, const std::string& id, const submit_request& request,
                      const std::function<void(event_log&)>& along) {
  event_log events{link, settings.names, id};
  REQUIRE(submit(link, settings.names, id, request) == "request_accepted");
  along(events);
  auto end = events.wait_for({"profile_finished", "profile_failed"}, seconds{90});
  REQUIRE(end);
  auto finished = message_as<profile_finished>(*end);
  INFO(end->body);
  REQUIRE(finished);
  return finished->result;
}

/// The first engine of a request that became ready, as its results tell.
std::string first_endpoint(bus& link, const subjects& names, const std::string& id) {
  std::mutex mutex;
  std::string endpoint;
  auto results = link.follow(
      names.result_stream(), names.result(id), 1,
      [&](bus_message m) {
        std::vector<codec_error> errors;
        auto e = decode_envelope(m.body, errors);
        auto ready = e ? message_as<engine_ready>(*e) : std::nullopt;
        const std::lock_guard guard{mutex};
        if (ready && endpoint.empty())
          endpoint = ready->endpoint;
      },
      [] {});
  for (int i = 0; i < 500; ++i) {
    {
      const std::lock_guard guard{mutex};
      if (!endpoint.empty())
        return endpoint;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return {};
}

submit_request live_request() {
  auto x = small_request();
  x.options.erase("simulation");
  x.options["simulation-speed"] = "40";
  return x;
}

} // namespace

TEST_CASE("an engine that ends in the middle of a run is started again and the attempt is on record", "[faults]") {
  place where;
  std::shared_ptr<bus> link = make_memory_bus();
  const auto settings = settings_in(where);
  REQUIRE(prepare_streams(*link, settings.names) == "");
  {
    auto roles = installation::start(settings, link);
    const auto result = finish(*link, settings, "crashing", live_request(), [&](event_log&) {
      const auto endpoint = first_endpoint(*link, settings.names, "crashing");
      REQUIRE(!endpoint.empty());
      std::string error;
      const auto url = parse_http_url(endpoint, error);
      REQUIRE(url);
      http_fetch(*url, "POST", "/simulation/crash", "{}", 2'000'000'000);
    });
    CHECK(result.attempts_failed >= 1);
    CHECK(result.feasible);
    size_t recorded = 0;
    for (const auto& candidate : result.candidates)
      recorded += candidate.failures.size();
    CHECK(recorded >= 1);
  }
  link->close();
}

TEST_CASE("the message server may be killed in the middle of a run", "[faults]") {
  place where;
  std::string error;
  auto server = private_server::start(where.root + "/nats", error);
  INFO(error);
  REQUIRE(server);
  nats_settings connection;
  connection.url = server->url();
  connection.token = server->token();
  std::shared_ptr<bus> link = connect_nats(connection, error);
  REQUIRE(link);
  const auto settings = settings_in(where);
  REQUIRE(prepare_streams(*link, settings.names) == "");
  {
    auto roles = installation::start(settings, link);
    const auto undisturbed = finish(*link, settings, "calm", small_request(), [](event_log&) {});
    const auto disturbed = finish(*link, settings, "shaken", small_request("exhaustive"), [&](event_log& events) {
      REQUIRE(events.wait_for_progress("point_measured", 3, seconds{30}));
      kill(server->pid(), SIGKILL);
    });
    CHECK(disturbed.prefill.layout.label() == undisturbed.prefill.layout.label());
    CHECK(disturbed.decode.layout.label() == undisturbed.decode.layout.label());
    CHECK(roles->restarts() == 0);
  }
  link->flush(std::chrono::milliseconds{1000});
  link->close();
}
