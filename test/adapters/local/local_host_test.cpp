// local_host_test.cpp: Engines as processes, with a stand-in for Dynamo: readiness, capacity, failures, ends.
#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <regex>

#include <csignal>
#include <unistd.h>

#include "adapters/backends/dgd.hpp"
#include "adapters/local/endpoint_host.hpp"
#include "adapters/local/local_host.hpp"
#include "adapters/process/descriptor.hpp"
#include "test/adapters/simulation/worlds.hpp"

using namespace sextant;
namespace fs = std::filesystem;

namespace {

deploy_engine engine_of(const std::string& model, int gpus = 1) {
  profile_request request;
  request.model = worlds::qwen3_32b();
  request.model.name = model;
  request.gpu = worlds::h200();
  deploy_engine what;
  what.engine = "decode-TP1";
  what.role = phase::decode;
  what.layout = {mapping_method::tp, gpus};
  what.model = request.model;
  what.gpu = request.gpu;
  what.max_context = 4096;
  std::string error;
  what.dgd = candidate_dgd(request, what.role, what.layout, error);
  return what;
}

class local_fixture {
public:
  explicit local_fixture(std::vector<int> gpus = {0, 1}) {
    local_settings settings;
    settings.python = SEXTANT_TEST_DATA "/fake_python";
    settings.directory = folder.string();
    settings.gpus = std::move(gpus);
    settings.grace_s = 0.3;
    host = make_local_host(settings);
  }
  ~local_fixture() {
    host.reset();
    fs::remove_all(folder);
  }

  void apply(const std::string& key, const deploy_engine& what) {
    host->apply(
        key, what, [this](hosted_engine e) { ready.set_value(std::move(e)); },
        [this](failure f) { failed.set_value(std::move(f)); });
  }
  hosted_engine wait_ready() {
    auto future = ready.get_future();
    REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    return future.get();
  }
  failure wait_failed() {
    auto future = failed.get_future();
    REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    return future.get();
  }
  void remove(const std::string& key) {
    std::promise<void> done;
    host->remove(key, [&] { done.set_value(); });
    REQUIRE(done.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  }
  std::string log(const std::string& key) const {
    return file_tail((folder / key / "VllmDecodeWorker-0.log").string(), 10'000);
  }
  pid_t pid_in(const std::string& key, const std::string& name) const {
    std::smatch found;
    const auto text = log(key);
    REQUIRE(std::regex_search(text, found, std::regex{name + " (\\d+)"}));
    return std::stoi(found[1]);
  }

  const fs::path folder = fs::temp_directory_path() / ("local-host-" + std::to_string(::getpid()));
  std::unique_ptr<engine_host> host;
  std::promise<hosted_engine> ready;
  std::promise<failure> failed;
};

bool alive(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto at = text.rfind(')');
  return at != std::string::npos && text[at + 2] != 'Z';
}

} // namespace

TEST_CASE("an engine is ready when it answers, with what its log tells of its KV cache") {
  local_fixture f;
  f.apply("r/e", engine_of("good", 2));
  const auto engine = f.wait_ready();
  CHECK(engine.endpoint.rfind("http://127.0.0.1:", 0) == 0);
  CHECK(engine.served_model == "good");
  CHECK(engine.kv_tokens == 131'072);
  CHECK(engine.kv_source == "log");
  CHECK(!engine.simulated);
  CHECK(engine.startup_s > 0);
  CHECK(f.log("r/e").find("gpus 0,1") != std::string::npos);
  const auto worker = f.pid_in("r/e", "worker"), child = f.pid_in("r/e", "child");
  CHECK(alive(worker));
  f.remove("r/e");
  CHECK(!alive(worker));
  CHECK(!alive(child));
  CHECK(!fs::exists(f.folder / "r/e/discovery"));
  CHECK(fs::exists(f.folder / "r/e/Frontend.log")); // logs stay
}

TEST_CASE("without a word about it the memory model tells the capacity, and says so") {
  local_fixture f;
  f.apply("r/e", engine_of("quiet"));
  const auto engine = f.wait_ready();
  CHECK(engine.kv_source == "memory model");
  CHECK(engine.kv_tokens > 100'000);
}

TEST_CASE("failures while starting have class, cause and last lines") {
  {
    local_fixture f;
    f.apply("r/e", engine_of("oom"));
    const auto error = f.wait_failed();
    CHECK(error.kind == failure_class::permanent);
    CHECK(error.cause == failure_cause::out_of_memory);
    CHECK(error.log_tail.back().find("CUDA out of memory") != std::string::npos);
  }
  local_fixture f;
  f.apply("r/e", engine_of("crash"));
  const auto error = f.wait_failed();
  CHECK(error.kind == failure_class::transient);
  CHECK(error.detail.find("RuntimeError: something unexpected") != std::string::npos);
}

TEST_CASE("a ready engine that loses a process is lost as a whole") {
  local_fixture f;
  f.apply("r/e", engine_of("dies"));
  f.wait_ready();
  const auto child = f.pid_in("r/e", "child");
  std::ofstream{f.folder / "r/e/die"} << "now";
  const auto error = f.wait_failed();
  CHECK(error.cause == failure_cause::engine_gone);
  CHECK(error.detail.find("exit code 7") != std::string::npos);
  f.remove("r/e");
  CHECK(!alive(child));
}

TEST_CASE("GPUs are free again once a deaf engine is gone by force") {
  local_fixture f{{4}};
  f.apply("r/first", engine_of("deaf"));
  f.wait_ready();
  CHECK(f.log("r/first").find("gpus 4") != std::string::npos);
  f.failed = {};
  f.apply("r/second", engine_of("good"));
  CHECK(f.wait_failed().detail.find("fewer are free") != std::string::npos);
  f.remove("r/first");
  f.ready = {};
  f.apply("r/third", engine_of("good"));
  f.wait_ready();
}

TEST_CASE("an engine can be taken back while it starts") {
  local_fixture f;
  f.apply("r/e", engine_of("good"));
  f.remove("r/e");
  SUCCEED("removed in time");
}

TEST_CASE("an interpreter without Dynamo is told from one that does not exist") {
  const auto folder = fs::temp_directory_path() / ("environment-" + std::to_string(::getpid()));
  dynamo_environment found;
  CHECK(find_dynamo("/no/such/python", folder.string(), found).find("no such Python interpreter") != std::string::npos);
  CHECK(find_dynamo("false", folder.string(), found).find("has no Dynamo") != std::string::npos);
  fs::remove_all(folder);
  CHECK(takes_interface_names({"", "1.4.2"}));
  CHECK(takes_interface_names({"", "0.9.1"}));
  CHECK(!takes_interface_names({"", "1.5.0"}));
  CHECK(!takes_interface_names({"", "2.0"}));
}

TEST_CASE("an endpoint is an engine that somebody else runs") {
  local_fixture f;
  f.apply("r/e", engine_of("good"));
  const auto running = f.wait_ready();

  const auto host = make_endpoint_host({running.endpoint});
  std::promise<hosted_engine> ready;
  std::promise<failure> failed;
  auto what = engine_of("another name than the one that is served");
  host->apply(
      "r/first", what, [&](hosted_engine e) { ready.set_value(std::move(e)); }, [](failure) {});
  auto found = ready.get_future();
  REQUIRE(found.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  const auto engine = found.get();
  CHECK(engine.endpoint == running.endpoint);
  CHECK(engine.served_model == "good"); // the only one there
  CHECK(engine.kv_source == "memory model");
  CHECK(!engine.simulated);
  // One engine at a time for each endpoint.
  host->apply(
      "r/second", what, [](hosted_engine) {}, [&](failure why) { failed.set_value(std::move(why)); });
  CHECK(failed.get_future().get().detail.find("in use") != std::string::npos);
  std::promise<void> done;
  host->remove("r/first", [&] { done.set_value(); });
  done.get_future().wait();
  CHECK(alive(f.pid_in("r/e", "worker"))); // nothing of it was ended
}
