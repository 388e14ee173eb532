// versions_test.cpp: A request whose results a version wrote that decides otherwise: it comes to its answer, and what was
// answered stays answered.
#include <filesystem>
#include <future>
#include <map>
#include <unistd.h>

#include "adapters/nats/memory_bus.hpp"
#include "messages/subjects.hpp"
#include "test/actors/runtime/request_on_bus.hpp"

using namespace sextant;
using namespace sextant::test;
using std::chrono::seconds;

namespace {

struct fixture {
  std::string root = std::filesystem::temp_directory_path() / ("sextant-versions-" + std::to_string(getpid()));
  std::shared_ptr<bus> link = make_memory_bus();
  installation_settings settings;
  std::unique_ptr<installation> roles;

  fixture() {
    settings.host = make_simulated_host();
    settings.output_root = root;
    REQUIRE(prepare_streams(*link, settings.names) == "");
  }

  ~fixture() {
    roles.reset();
    link->close();
    std::filesystem::remove_all(root);
  }

  profile_finished run(const std::string& id, const std::string& policy) {
    roles = installation::start(settings, link);
    event_log events{*link, settings.names, id};
    REQUIRE(submit(*link, settings.names, id, small_request(policy)) == "request_accepted");
    auto end = events.wait_for({"profile_finished", "profile_failed"}, seconds{60});
    roles.reset();
    REQUIRE(end);
    INFO(end->body);
    auto finished = message_as<profile_finished>(*end);
    REQUIRE(finished);
    return *finished;
  }

  /// All results of a request that has ended.
  std::vector<result_event> results_of(const std::string& id) {
    std::vector<result_event> results;
    std::promise<void> read;
    auto following = link->follow(
        settings.names.result_stream(), settings.names.result(id), 1,
        [&](bus_message m) {
          std::vector<codec_error> errors;
          if (auto e = decode_envelope(m.body, errors))
            if (auto result = result_from(*e))
              results.push_back(std::move(*result));
        },
        [&] { read.set_value(); });
    read.get_future().wait();
    return results;
  }

  /// Puts work under an id that an earlier version used for it, done already: the server takes that id no second time.
  void spend(const std::string& id, const std::string& key, const std::string& subject) {
    link->publish_durable(subject, stable_hash(id + "/" + key), "done before");
  }

  /// Records results as an earlier version did.
  void record(const std::string& id, const std::vector<result_event>& results) {
    const auto& names = settings.names;
    for (size_t i = 0; i < results.size(); ++i) {
      const auto message = id + "-recorded-" + std::to_string(i);
      link->publish_durable(names.result(id), message, encode_result(message, id, results[i]));
      if (const auto* ready = std::get_if<engine_ready>(&results[i]))
        spend(id, "deploy/" + ready->engine + "#" + std::to_string(ready->attempt), names.deploy_work("default", 1));
      else if (const auto* point = std::get_if<point_measured>(&results[i]))
        spend(id,
              "measure/" + point->plan.point + "#" + std::to_string(point->engine_attempt) + "."
                  + std::to_string(point->attempt),
              names.measure_work(settings.node));
      else if (std::holds_alternative<artifacts_written>(results[i]))
        spend(id, "write", names.write_work());
    }
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "results of a version that decided otherwise are gone on with", "[installation]") {
  const auto expected = choice(run("undisturbed", "adaptive").result);
  run("other", "exhaustive");
  auto recorded = results_of("other");
  REQUIRE(std::holds_alternative<profile_finished>(recorded.back()));
  recorded.pop_back(); // versions before it was recorded ended with the artifacts
  for (size_t share : {1, 2, 3}) {
    const auto id = "mixed-" + std::to_string(share);
    const std::vector<result_event> part(recorded.begin(),
                                         recorded.begin() + static_cast<std::ptrdiff_t>(recorded.size() * share / 3));
    record(id, part);
    const auto finished = run(id, "adaptive");
    CHECK(choice(finished.result) == expected);
    std::map<std::string, int> measured;
    for (const auto& result : results_of(id))
      if (const auto* point = std::get_if<point_measured>(&result))
        ++measured[point->plan.point];
    for (const auto& [point, times] : measured) {
      INFO(id << " " << point);
      CHECK(times == 1);
    }
    CHECK(finished.result.points_measured == static_cast<int>(measured.size()));
    CHECK(std::filesystem::exists(finished.directory + "/config_with_planner.yaml"));
  }
}

TEST_CASE_METHOD(fixture, "a recorded answer is given again, whatever this version would decide", "[installation]") {
  profile_finished answered;
  answered.result.prefill.engine = "prefill-of-another-version";
  answered.result.gpu_seconds = 12345;
  answered.directory = "/somewhere";
  record("answered", {result_event{answered}});
  const auto finished = run("answered", "adaptive");
  CHECK(finished.result.prefill.engine == "prefill-of-another-version");
  CHECK(finished.result.gpu_seconds == 12345);
  CHECK(finished.directory == "/somewhere");
  CHECK(results_of("answered").size() == 1);
}
