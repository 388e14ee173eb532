// simulated_host_test.cpp: Engines over real sockets: routes, streams, speeds, failures, removal.
#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "worlds.hpp"

using namespace sextant;
using nlohmann::json;

namespace {

deploy_engine small_engine(phase role = phase::decode) {
  deploy_engine what;
  what.engine = "decode-TP8";
  what.role = role;
  what.layout = {mapping_method::tp, 8};
  what.model = worlds::qwen3_32b();
  what.gpu = worlds::h200();
  what.simulation = "live";
  what.simulation_speed = 1000;
  what.max_context = 8000;
  return what;
}

struct started {
  bool ok = false;
  hosted_engine engine;
  failure error;
};

/// An engine that is up, or what it failed with. Later failures arrive in `lost`.
class engine_fixture {
public:
  started apply(const std::string& key, const deploy_engine& what) {
    auto promise = std::make_shared<std::promise<started>>();
    auto told = std::make_shared<bool>(false);
    auto future = promise->get_future();
    host->apply(
        key, what,
        [promise, told](hosted_engine e) {
          *told = true;
          promise->set_value({true, std::move(e), {}});
        },
        [this, promise, told](failure f) {
          if (*told)
            lost.set_value(f);
          else
            promise->set_value({false, {}, std::move(f)});
        });
    REQUIRE(future.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    return future.get();
  }
  void remove(const std::string& key) {
    std::promise<void> done;
    host->remove(key, [&] { done.set_value(); });
    REQUIRE(done.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  }

  std::promise<failure> lost;
  std::unique_ptr<engine_host> host = make_simulated_host();
};

int connect_to(const std::string& endpoint) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0)
    return fd;
  ::close(fd);
  return -1;
}

struct answer {
  int status = 0;
  std::string head, body;
};

/// One exchange with `Connection: close`; chunked bodies are joined.
answer fetch(const std::string& endpoint, const std::string& method, const std::string& path, const std::string& body = {}) {
  const int fd = connect_to(endpoint);
  if (fd < 0)
    return {};
  const auto text = method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
                    + std::to_string(body.size()) + "\r\n\r\n" + body;
  ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  std::string all;
  char buffer[65536];
  pollfd p{fd, POLLIN, 0};
  while (::poll(&p, 1, 10000) > 0) {
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0)
      break;
    all.append(buffer, static_cast<size_t>(n));
  }
  ::close(fd);
  answer a;
  const auto split = all.find("\r\n\r\n");
  if (split == std::string::npos)
    return a;
  a.head = all.substr(0, split + 2);
  a.status = std::stoi(a.head.substr(9, 3));
  a.body = all.substr(split + 4);
  if (a.head.find("chunked") == std::string::npos)
    return a;
  std::string joined;
  for (size_t at = 0; at < a.body.size();) {
    const auto line = a.body.find("\r\n", at);
    const auto size = std::stoul(a.body.substr(at, line - at), nullptr, 16);
    joined += a.body.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  a.body = joined;
  return a;
}

std::string completion(int isl, int osl, bool stream, int first = 1000) {
  json body{{"model", "Qwen/Qwen3-32B"}, {"max_tokens", osl}, {"min_tokens", osl}, {"ignore_eos", true}, {"stream", stream}};
  for (int i = 0; i < isl; ++i)
    body["prompt"].push_back(first + i % 1000);
  if (stream)
    body["stream_options"] = {{"include_usage", true}};
  return body.dump();
}

size_t count(const std::string& text, std::string_view part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++n;
  return n;
}

} // namespace

TEST_CASE("an engine is ready after its start-up and tells its capacity from its own metrics") {
  engine_fixture f;
  const auto s = f.apply("a", small_engine());
  REQUIRE(s.ok);
  CHECK(s.engine.kv_source == "metrics");
  const engine_shape shape{worlds::qwen3_32b(), worlds::h200(), backend_kind::vllm, {mapping_method::tp, 8}};
  CHECK(s.engine.kv_tokens == plan_memory(shape, 8000).kv_tokens);
  CHECK(s.engine.startup_s > 20);
  CHECK(s.engine.simulated);
  CHECK(s.engine.served_model == "Qwen/Qwen3-32B");
  CHECK(f.host->log_tail("a") == s.engine.log);
  const auto& at = s.engine.endpoint;
  CHECK(json::parse(fetch(at, "GET", "/v1/models").body)["data"][0]["id"] == "Qwen/Qwen3-32B");
  CHECK(json::parse(fetch(at, "GET", "/health").body)["status"] == "healthy");
  CHECK(json::parse(fetch(at, "GET", "/live").body)["status"] == "live");
  CHECK(fetch(at, "GET", "/live").head.find("x-sextant-simulated: 1\r\n") != std::string::npos);
  CHECK(fetch(at, "GET", "/nothing").status == 404);
  CHECK(fetch(at, "GET", "/v1/completions").status == 405);
}

TEST_CASE("streams have the exact number of tokens, usage, and cached tokens the second time") {
  engine_fixture f;
  const auto s = f.apply("a", small_engine());
  REQUIRE(s.ok);
  const auto first = fetch(s.engine.endpoint, "POST", "/v1/completions", completion(1000, 20, true));
  CHECK(first.status == 200);
  CHECK(first.head.find("text/event-stream") != std::string::npos);
  CHECK(count(first.body, "data: ") == 20 + 3);
  CHECK(count(first.body, " tok") == 20);
  CHECK(first.body.find("\"prompt_tokens\":1000,\"completion_tokens\":20") != std::string::npos);
  CHECK(first.body.find("\"cached_tokens\":0") != std::string::npos);
  CHECK(first.body.substr(first.body.size() - 14) == "data: [DONE]\n\n");
  const auto again = fetch(s.engine.endpoint, "POST", "/v1/completions", completion(1000, 20, true));
  CHECK(again.body.find("\"cached_tokens\":992") != std::string::npos);
  const auto whole = json::parse(fetch(s.engine.endpoint, "POST", "/v1/completions", completion(1000, 3, false, 5000)).body);
  CHECK(whole["usage"]["completion_tokens"] == 3);
  const auto chat = fetch(
      s.engine.endpoint, "POST", "/v1/chat/completions",
      R"({"model":"Qwen/Qwen3-32B","messages":[{"role":"user","content":"hello there"}],"max_tokens":4,"stream":true})");
  CHECK(count(chat.body, "data: ") == 4 + 2);
  const auto page = fetch(s.engine.endpoint, "GET", "/metrics").body;
  CHECK(page.find("dynamo_frontend_output_tokens_total{model=\"qwen/qwen3-32b\"} 47\n") != std::string::npos);
  CHECK(page.find("dynamo_frontend_time_to_first_token_seconds_count{model=\"qwen/qwen3-32b\"} 4\n") != std::string::npos);
  CHECK(page.find("dynamo_frontend_inflight_requests{model=\"qwen/qwen3-32b\"} 0\n") != std::string::npos);
}

TEST_CASE("requests that cannot be served are refused with their status") {
  engine_fixture f;
  const auto s = f.apply("a", small_engine());
  REQUIRE(s.ok);
  auto status = [&](const std::string& body) { return fetch(s.engine.endpoint, "POST", "/v1/completions", body).status; };
  CHECK(status("{") == 400);
  CHECK(status(R"({"model":"other","prompt":[1],"max_tokens":1})") == 404);
  CHECK(status(R"({"model":"Qwen/Qwen3-32B","prompt":[1],"max_tokens":1,"foo":1})") == 400);
  CHECK(status(completion(7990, 11, true)) == 400);
  CHECK(status(completion(7990, 10, true)) == 200);
}

TEST_CASE("speed is set while idle, and steps and lag are told since then") {
  engine_fixture f;
  const auto s = f.apply("a", small_engine());
  REQUIRE(s.ok);
  const auto& at = s.engine.endpoint;
  CHECK(json::parse(fetch(at, "GET", "/simulation").body)["speed"] == 1000);
  CHECK(json::parse(fetch(at, "POST", "/simulation", R"({"speed": 200})").body)["speed"] == 200);
  fetch(at, "POST", "/v1/completions", completion(100, 11, true));
  const auto told = json::parse(fetch(at, "GET", "/simulation").body);
  CHECK(told["steps"] == 11);
  CHECK(told["virtual_s"].get<double>() > 0.04);
  CHECK(told["lag_p50_s"].get<double>() <= told["lag_p99_s"].get<double>());
  CHECK(told["lag_p99_s"].get<double>() <= told["lag_max_s"].get<double>());
  fetch(at, "POST", "/simulation", R"({"speed": 0.001})");
  CHECK(json::parse(fetch(at, "GET", "/simulation").body)["steps"] == 0);
  for (const char* bad : {"", "{}", R"({"speed":0})", R"({"speed":-1})", R"({"speed":"x"})", R"({"speed":1e400})"})
    CHECK(fetch(at, "POST", "/simulation", bad).status == 400);
  const int fd = connect_to(at); // a request that takes hours at this speed
  const auto body = completion(100, 10, true);
  const auto text =
      "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  char head[16];
  CHECK(::recv(fd, head, sizeof head, MSG_WAITALL) == sizeof head);
  CHECK(fetch(at, "POST", "/simulation", R"({"speed": 1})").status == 409);
  CHECK(fetch(at, "GET", "/metrics").body.find("inflight_requests{model=\"qwen/qwen3-32b\"} 1\n") != std::string::npos);
  ::close(fd);
  for (int i = 0; i < 200; ++i)
    if (fetch(at, "GET", "/metrics").body.find("inflight_requests{model=\"qwen/qwen3-32b\"} 0\n") != std::string::npos)
      break;
  CHECK(fetch(at, "GET", "/metrics").body.find("dynamo_frontend_disconnected_clients 1\n") != std::string::npos);
}

TEST_CASE("a candidate that cannot fit fails for good with its last lines") {
  engine_fixture f;
  auto what = small_engine();
  what.model = worlds::deepseek_r1();
  what.layout = {mapping_method::tep, 2};
  for (const char* simulation : {"live", "virtual"}) {
    what.simulation = simulation;
    const auto s = f.apply(simulation, what);
    REQUIRE_FALSE(s.ok);
    CHECK(s.error.kind == failure_class::permanent);
    CHECK(s.error.cause == failure_cause::out_of_memory);
    REQUIRE_FALSE(s.error.log_tail.empty());
    CHECK(s.error.log_tail.back() == s.error.detail);
    f.remove(simulation);
  }
}

TEST_CASE("an engine that crashes is reported once and can be removed") {
  engine_fixture f;
  const auto s = f.apply("a", small_engine());
  REQUIRE(s.ok);
  CHECK(fetch(s.engine.endpoint, "POST", "/simulation/crash").status == 0);
  auto lost = f.lost.get_future();
  REQUIRE(lost.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  const auto error = lost.get();
  CHECK(error.kind == failure_class::transient);
  CHECK(error.cause == failure_cause::engine_gone);
  CHECK_FALSE(error.log_tail.empty());
  CHECK(connect_to(s.engine.endpoint) == -1);
  f.remove("a");
}

TEST_CASE("removal frees the port, unknown keys are done at once, a starting engine can be taken back") {
  engine_fixture f;
  const auto s = f.apply("a", small_engine());
  REQUIRE(s.ok);
  f.remove("a");
  CHECK(connect_to(s.engine.endpoint) == -1);
  CHECK(f.host->log_tail("a").empty());
  f.remove("never there");
  auto slow = small_engine();
  slow.simulation_speed = 0.001;
  std::promise<failure> failed;
  f.host->apply(
      "b", slow, [](hosted_engine) { FAIL("ready"); }, [&](failure e) { failed.set_value(e); });
  f.remove("b");
  CHECK(failed.get_future().get().cause == failure_cause::cancelled);
}

TEST_CASE("a virtual engine is ready at once and its endpoint makes the same engine") {
  engine_fixture f;
  auto what = small_engine();
  what.simulation = "virtual";
  what.simulation_speed = 0;
  const auto s = f.apply("v", what);
  REQUIRE(s.ok);
  std::string error;
  const auto core = engine_from_endpoint(s.engine.endpoint, error);
  REQUIRE(core);
  CHECK(core->kv_tokens() == s.engine.kv_tokens);
  CHECK(s.engine.startup_s > 20);
  f.remove("v");
}
