// services_test.cpp: Deployments become processes with the arguments that the document has.
#include <catch2/catch.hpp>

#include <algorithm>

#include "adapters/backends/dgd.hpp"
#include "adapters/local/frontend_answers.hpp"
#include "adapters/local/mocked_engine.hpp"
#include "adapters/local/services.hpp"
#include "adapters/local/verdicts.hpp"
#include "test/adapters/simulation/worlds.hpp"

using namespace sextant;
using namespace sextant::local;

namespace {

profile_request asked(backend_kind backend = backend_kind::vllm) {
  profile_request request;
  request.id = "r";
  request.backend = backend;
  request.model.name = "/models/tiny";
  request.gpus_per_node = 8;
  return request;
}

service_plan plan_of(const profile_request& request, phase role, const mapping& layout) {
  std::string error;
  const auto dgd = candidate_dgd(request, role, layout, error);
  REQUIRE(error.empty());
  const auto plan = plan_services(dgd, request.backend, error);
  INFO(error);
  REQUIRE(plan);
  return *plan;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string variable(const service_process& process, const std::string& name) {
  std::string value = "(unset)";
  for (const auto& [key, text] : process.environment)
    if (key == name)
      value = text;
  return value;
}

} // namespace

TEST_CASE("a candidate is a frontend and one worker with the candidate's flags") {
  const auto plan = plan_of(asked(), phase::decode, {mapping_method::tp, 2});
  REQUIRE(plan.processes.size() == 2);
  CHECK(plan.processes[0].frontend);
  CHECK(plan.processes[0].gpus == 0);
  CHECK(plan.processes[1].name == "VllmDecodeWorker-0");
  CHECK(joined(plan.processes[1].arguments)
        == "python3 -m dynamo.vllm --model /models/tiny --served-model-name /models/tiny --enable-prefix-caching "
           "--tensor-parallel-size 2");
  CHECK(plan.gpus == 2);
  CHECK(plan.served_model == "/models/tiny");
  CHECK(!plan.mocked);
  CHECK(!plan.disaggregated);
}

TEST_CASE("every back end's own module runs") {
  for (const auto& [backend, module] :
       {std::pair{backend_kind::sglang, "dynamo.sglang"}, {backend_kind::trtllm, "dynamo.trtllm"}}) {
    const auto plan = plan_of(asked(backend), phase::prefill, {mapping_method::tp, 1});
    CHECK(joined(plan.processes[1].arguments).find(module) != std::string::npos);
  }
}

TEST_CASE("a request for mockers on a local host gets them with the same limits") {
  auto request = asked();
  request.host = "local";
  request.use_mocker = true;
  const auto plan = plan_of(request, phase::prefill, {mapping_method::dep, 4});
  CHECK(plan.mocked);
  CHECK(joined(plan.processes[1].arguments)
        == "python3 -m dynamo.mocker --model-path /models/tiny --model-name /models/tiny --max-num-seqs 4 "
           "--max-num-batched-tokens 32768 --data-parallel-size 4 --no-enable-prefix-caching");
  request.backend = backend_kind::trtllm;
  CHECK(joined(plan_of(request, phase::prefill, {mapping_method::tp, 2}).processes[1].arguments)
        == "python3 -m dynamo.mocker --model-path /models/tiny --model-name /models/tiny --max-num-seqs 1 "
           "--max-num-batched-tokens 32768 --no-enable-prefix-caching");
  request.backend = backend_kind::sglang;
  CHECK(joined(plan_of(request, phase::decode, {mapping_method::tp, 2}).processes[1].arguments)
        == "python3 -m dynamo.mocker --model-path /models/tiny --model-name /models/tiny");
  request.host = "kubernetes"; // there it is the final deployment that is mocked
  CHECK(!plan_of(request, phase::decode, {mapping_method::tp, 2}).mocked);
}

TEST_CASE("a process is put into its place: own interpreter, ports, GPUs, loopback only") {
  auto plan = plan_of(asked(backend_kind::sglang), phase::decode, {mapping_method::tp, 2});
  plan.processes[1].arguments.insert(plan.processes[1].arguments.end(), {"--host", "0.0.0.0"});
  const engine_place engine{"/env/bin/python", "/out/engine", "lo", 20'001, true};
  settle(plan.processes[0], engine, {});
  settle(plan.processes[1], engine, {{3, 5}, 20'002, 20'003, 20'004});
  CHECK(plan.processes[0].arguments.front() == "/env/bin/python");
  CHECK(plan.processes[0].value("--http-host") == "127.0.0.1");
  CHECK(plan.processes[0].value("--http-port") == "20001");
  const auto& worker = plan.processes[1];
  CHECK(worker.arguments.front() == "/env/bin/python");
  CHECK(worker.value("--host") == "127.0.0.1");
  CHECK(variable(worker, "CUDA_VISIBLE_DEVICES") == "3,5");
  CHECK(variable(worker, "DYN_SYSTEM_PORT") == "20002");
  CHECK(variable(worker, "DYN_DISCOVERY_BACKEND") == "file");
  CHECK(variable(worker, "DYN_FILE_KV") == "/out/engine/discovery");
  CHECK(variable(worker, "DYN_TCP_RPC_HOST") == "127.0.0.1");
  CHECK(variable(worker, "DYN_TCP_RESPONSE_STREAM_HOST") == "lo");
  CHECK(variable(worker, "HF_HUB_OFFLINE") == "1");
  CHECK(variable(worker, "PATH").rfind("/env/bin:", 0) == 0);
}

TEST_CASE("a user's own document: shell scripts, replicas, environment; the planner stays away") {
  const std::string text = R"(
kind: DynamoGraphDeployment
spec:
  envs: [{name: SHARED, value: "1"}]
  services:
    Planner: {componentType: planner}
    prefill:
      subComponentType: prefill
      replicas: 2
      resources: {requests: {gpu: "2"}}
      envs: [{name: OWN, value: x}, {name: SECRET, valueFrom: {secretKeyRef: {name: a, key: b}}}]
      extraPodSpec:
        mainContainer:
          command: [/bin/sh, -c]
          args: ["ulimit -n 4096 && python3 -m dynamo.sglang --model-path m --disaggregation-mode prefill --disaggregation-bootstrap-port 12345 2>&1 | tee log"]
    decode:
      subComponentType: decode
      resources: {limits: {gpu: "1"}}
      extraPodSpec: {mainContainer: {command: [python3, -m, dynamo.sglang], args: [--model-path, m]}}
    Frontend: {componentType: frontend}
)";
  std::string error;
  auto plan = plan_services(text, backend_kind::sglang, error);
  INFO(error);
  REQUIRE(plan);
  REQUIRE(plan->processes.size() == 4);
  CHECK(plan->processes[0].name == "Frontend");
  CHECK(plan->processes[1].name == "prefill-0");
  CHECK(plan->processes[2].name == "prefill-1");
  CHECK(plan->disaggregated);
  CHECK(plan->gpus == 5);
  auto& worker = plan->processes[1];
  CHECK(variable(worker, "OWN") == "x");
  CHECK(variable(worker, "SHARED") == "1");
  CHECK(variable(worker, "SECRET") == "(unset)");
  settle(worker, {"/env/bin/python", "/out", "127.0.0.1", 1, false}, {{0, 1}, 2, 31'000, 4});
  CHECK(worker.arguments.back()
        == "ulimit -n 4096 && python3 -m dynamo.sglang --model-path m --disaggregation-mode prefill "
           "--disaggregation-bootstrap-port 31000 2>&1 | tee log");
}

TEST_CASE("what a machine cannot run is refused with its reason") {
  std::string error;
  CHECK(!plan_services("a: [", backend_kind::vllm, error));
  CHECK(!error.empty());
  error.clear();
  CHECK(!plan_services("kind: DynamoGraphDeployment\nspec: {services: {Frontend: {}}}", backend_kind::vllm, error));
  CHECK(error.find("worker") != std::string::npos);
  error.clear();
  std::string ignored;
  CHECK(
      !plan_services(candidate_dgd(asked(), phase::decode, {mapping_method::dep, 16}, ignored), backend_kind::vllm, error));
  CHECK(error == "VllmDecodeWorker needs 2 nodes; this host is one machine");
}

TEST_CASE("the end of a process is judged by its last words") {
  const process_end failed{true, 1, 0};
  auto verdict = judge_end("w", failed, false, {"loading", "torch.OutOfMemoryError: CUDA out of memory."});
  CHECK(verdict.kind == failure_class::permanent);
  CHECK(verdict.cause == failure_cause::out_of_memory);
  verdict = judge_end("w", failed, false, {"python3: error: unrecognized arguments: --no-such-flag"});
  CHECK(verdict.kind == failure_class::permanent);
  CHECK(verdict.cause == failure_cause::unsupported);
  CHECK(verdict.detail.find("--no-such-flag") != std::string::npos);
  verdict = judge_end("w", failed, false, {"OSError: [Errno 98] Address already in use"});
  CHECK(verdict.kind == failure_class::transient);
  verdict = judge_end("w", {true, 0, 9}, true, {});
  CHECK(verdict.kind == failure_class::transient);
  CHECK(verdict.cause == failure_cause::engine_gone);
  CHECK(verdict.detail.find("signal 9") != std::string::npos);
}

TEST_CASE("log lines lose their colours and blanks") {
  CHECK(last_lines("a\n\x1b[31mred\x1b[0m text\n\n  \nlast", 2) == std::vector<std::string>{"red text", "last"});
  CHECK(last_lines("", 5).empty());
}

TEST_CASE("answers of the frontend") {
  CHECK(lists_model(R"({"data":[{"id":"a"},{"id":"b"}]})", "b"));
  CHECK(!lists_model(R"({"data":[{"id":"a"}]})", "b"));
  CHECK(!lists_model("not json", "b"));
  CHECK(!lists_model(R"({"data":[1,"b"]})", "b"));
  CHECK(generating_workers(R"({"instances":[{"endpoint":"generate"},{"endpoint":"other"},{"endpoint":"generate"}]})") == 2);
  CHECK(generating_workers(R"({"status":"healthy"})") == -1);
}

TEST_CASE("a mocker gets KV blocks and times of the engine it plays, unless the document has its own") {
  const engine_shape shape{worlds::qwen3_32b(), worlds::h200(), backend_kind::vllm, {mapping_method::tp, 4}};
  service_process process;
  process.arguments = {"python3", "-m", "dynamo.mocker", "--model-path", "m"};
  CHECK(complete_mocker(process, shape, 8192, "/t.npz").rfind("PK", 0) == 0);
  const auto blocks = std::stoll(*process.value("--num-gpu-blocks-override"));
  CHECK(blocks == plan_memory(shape, 8192).kv_tokens / 64);
  CHECK(process.value("--planner-profile-data") == "/t.npz");
  CHECK(process.value("--max-model-len") == "8192");
  service_process own;
  own.arguments = {"python3", "-m", "dynamo.mocker", "--num-gpu-blocks-override", "10", "--planner-profile-data", "mine"};
  CHECK(complete_mocker(own, shape, 8192, "/t.npz").empty());
  CHECK(own.value("--num-gpu-blocks-override") == "10");
  CHECK(own.value("--planner-profile-data") == "mine");
}
