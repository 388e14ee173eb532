// dgd_test.cpp: Deployments against golden files, and single rules that a golden file would hide.
// SEXTANT_WRITE_GOLDEN=1 writes the golden files anew; look at the difference before keeping it.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "adapters/backends/dgd.hpp"
#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/templates.hpp"

using namespace sextant;

namespace {

profile_request request_for(backend_kind backend, bool moe = false) {
  profile_request r;
  r.id = "golden";
  r.name = "golden";
  r.kubernetes_namespace = "demo";
  r.backend = backend;
  r.model.name = moe ? "deepseek-ai/DeepSeek-R1" : "Qwen/Qwen3-32B";
  r.model.is_moe = moe;
  return r;
}

profile_result picked(mapping prefill, mapping decode) {
  profile_result result;
  result.feasible = true;
  result.prefill.engine = "prefill-" + prefill.tag();
  result.prefill.layout = prefill;
  result.decode.engine = "decode-" + decode.tag();
  result.decode.layout = decode;
  for (const int isl : {100, 2621, 5142, 7663, 10184})
    result.prefill_curve.push_back({isl, isl / 10.0, 1250.125});
  result.decode_grid = {{0.1, 350, 8.25, 100}, {0.5, 350, 9.5, 400.5}, {0.1, 7093, 8.75, 20}, {0.5, 7093, 10, 80}};
  result.max_kv_tokens = 502272;
  return result;
}

void check_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string{SEXTANT_TEST_DATA} + "/golden/" + name;
  if (std::getenv("SEXTANT_WRITE_GOLDEN"))
    std::ofstream{path} << text;
  std::ifstream file{path};
  std::ostringstream golden;
  golden << file.rdbuf();
  INFO(path);
  CHECK(text == golden.str());
}

std::vector<std::string> worker_args(const std::string& dgd, backend_kind backend, phase role = phase::decode) {
  std::string error;
  auto documents = parse_yaml(dgd, error);
  REQUIRE_FALSE(documents.empty());
  auto* service = service_of(documents.back(), backend, role);
  REQUIRE(service);
  return arguments_of(*service).exec();
}

bool follows(const std::vector<std::string>& args, const std::string& flag, const std::string& value) {
  for (size_t i = 0; i + 1 < args.size(); ++i)
    if (args[i] == flag && args[i + 1] == value)
      return true;
  return false;
}

} // namespace

TEST_CASE("candidates of every back end are as expected") {
  std::string error;
  for (const auto backend : {backend_kind::vllm, backend_kind::sglang, backend_kind::trtllm}) {
    const std::string name{to_text(backend)};
    const auto dense = request_for(backend);
    const auto moe = request_for(backend, true);
    check_golden(name + "_prefill_tp2.yaml", candidate_dgd(dense, phase::prefill, {mapping_method::tp, 2}, error));
    check_golden(name + "_decode_tep4.yaml", candidate_dgd(moe, phase::decode, {mapping_method::tep, 4}, error));
    check_golden(name + "_prefill_dep16.yaml", candidate_dgd(moe, phase::prefill, {mapping_method::dep, 16}, error));
    CHECK(error.empty());
  }
}

TEST_CASE("the final deployment and its mocker twin are as expected") {
  std::string error;
  auto r = request_for(backend_kind::vllm);
  r.planner = {{"planner_min_endpoint", "2"}, {"adjustment-interval", "60"}, {"no-correction", "true"}, {"namespace", "x"}};
  const auto result = picked({mapping_method::tp, 2}, {mapping_method::tp, 4});
  check_golden("final_v1alpha1.yaml", final_dgd(r, result, error));
  check_golden("mocker_v1alpha1.yaml", mocker_dgd(r, result, error));
  r.api = request_api::v1beta1;
  r.image = "reg.example/x/vllm-runtime:1.2.1";
  r.extra["planner-config"] = R"({"max_gpu_budget": 16})";
  check_golden("final_v1beta1.yaml", final_dgd(r, result, error));
  CHECK(error.empty());
}

TEST_CASE("final deployments of mixtures of experts on several nodes are as expected") {
  std::string error;
  const auto result = picked({mapping_method::tep, 8}, {mapping_method::dep, 16});
  auto sglang = request_for(backend_kind::sglang, true);
  sglang.gpus_per_node = 8;
  check_golden("final_sglang_moe.yaml", final_dgd(sglang, result, error));
  auto trtllm = request_for(backend_kind::trtllm, true);
  trtllm.gpus_per_node = 8;
  trtllm.api = request_api::v1beta1;
  check_golden("final_trtllm_moe_v1beta1.yaml", final_dgd(trtllm, result, error));
  check_golden("mocker_v1beta1.yaml", mocker_dgd(trtllm, result, error));
  CHECK(error.empty());
}

TEST_CASE("names of a request's candidates all differ and fit into pod names") {
  const auto r = request_for(backend_kind::vllm);
  std::set<std::string> names;
  size_t count = 0;
  for (const auto role : {phase::prefill, phase::decode})
    for (const auto method : {mapping_method::tp, mapping_method::tep, mapping_method::dep})
      for (int gpus = 1; gpus <= 1024; gpus *= 2, ++count) {
        std::string error;
        auto dgd = parse_yaml(candidate_dgd(r, role, {method, gpus}, error), error);
        REQUIRE(dgd.size() == 1);
        const auto name = dgd.front().find("metadata")->text_at("name");
        CHECK(name.size() + std::string{"VllmDecodeWorker"}.size() <= 45);
        names.insert(name);
      }
  CHECK(names.size() == count);
}

TEST_CASE("a base document keeps what the user wrote") {
  auto r = request_for(backend_kind::vllm);
  r.base_config = R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {name: mine, labels: {team: "007"}}
spec:
  services:
    Frontend: {componentType: frontend, replicas: 1, extraPodSpec: {mainContainer: {image: front}}}
    Planner: {componentType: planner, replicas: 1}
    p:
      subComponentType: prefill
      replicas: 3
      resources: {limits: {gpu: "1"}}
      extraPodSpec: {mainContainer: {image: mine, command: [sh, -c], args: ["python3 -m dynamo.vllm --model /my/path --served-model-name Qwen/Qwen3-32B --is-prefill-worker --seed 7 2>&1 | tee log"]}}
    d:
      subComponentType: decode
      replicas: 2
      extraPodSpec: {mainContainer: {image: mine, args: ["--model x --enforce-eager", "--tp=4"]}}
)";
  std::string error;
  const auto prefill = candidate_dgd(r, phase::prefill, {mapping_method::tp, 2}, error);
  CHECK(error.empty());
  CHECK(prefill.find("team: \"007\"") != std::string::npos);
  CHECK(prefill.find("Planner") == std::string::npos);
  CHECK(prefill.find("dynamo.vllm --model /my/path --served-model-name Qwen/Qwen3-32B --seed 7 --no-enable-prefix-caching "
                     "--tensor-parallel-size 2 --max-num-seqs 1 --max-num-batched-tokens 32768 2>&1 | tee log")
        != std::string::npos);
  const auto decode = worker_args(candidate_dgd(r, phase::decode, {mapping_method::tp, 2}, error), r.backend);
  CHECK(decode
        == std::vector<std::string>{"--model", "Qwen/Qwen3-32B", "--enforce-eager", "--served-model-name", "Qwen/Qwen3-32B",
                                    "--enable-prefix-caching", "--tensor-parallel-size", "2"});
}

TEST_CASE("base documents that cannot be used are refused with the reason") {
  auto r = request_for(backend_kind::vllm);
  std::string error;
  for (const auto& [text, reason] : std::vector<std::pair<std::string, std::string>>{
           {"a: [", "line"},
           {"kind: ConfigMap\n", "no document of kind"},
           {"kind: DynamoGraphDeployment\nspec: {components: []}\n", "spec.services"},
           {"kind: DynamoGraphDeployment\nspec: {services: {a: 1}}\n", "must be a map"},
           {"kind: DynamoGraphDeployment\nspec: {services: {a: {replicas: 1}}}\n", "no decode worker"},
       }) {
    r.base_config = text;
    CHECK(base_dgd(r, error).empty());
    CHECK(error.find(reason) != std::string::npos);
    CHECK(candidate_dgd(r, phase::prefill, {}, error).empty());
    CHECK(final_dgd(r, {}, error).empty());
  }
}

TEST_CASE("the model comes from the claim where there is one") {
  auto r = request_for(backend_kind::vllm);
  CHECK(model_path(r) == "Qwen/Qwen3-32B");
  r.pvc_name = "models";
  CHECK(model_path(r) == "/opt/model-cache");
  r.pvc_path = "/sub//dir/";
  CHECK(model_path(r) == "/opt/model-cache/sub//dir");
  r.pvc_mount_path = "/m/";
  r.pvc_path = "/m/sub";
  CHECK(model_path(r) == "/m/sub");
  std::string error;
  const auto dgd = candidate_dgd(r, phase::decode, {mapping_method::tp, 1}, error);
  CHECK(dgd.find("  - name: models\n    create: false\n") != std::string::npos);
  CHECK(dgd.find("--model-path\n          - /m/sub") != std::string::npos); // the frontend's
  CHECK(follows(worker_args(dgd, r.backend), "--model", "/m/sub"));
}

TEST_CASE("more GPUs than a node has become several pods") {
  yaml_tree service;
  set_mapping(service, backend_kind::vllm, {mapping_method::dep, 20}, 8);
  CHECK(service["multinode"].text_at("nodeCount") == "3");
  CHECK(service["resources"]["requests"].text_at("gpu") == "8");
  set_mapping(service, backend_kind::vllm, {mapping_method::tp, 4}, 8);
  CHECK(service.find("multinode") == nullptr);
  CHECK(service["resources"].find("limits") == nullptr);
}

TEST_CASE("SGLang flags of other mappings are taken back") {
  auto service = yaml_tree::map();
  set_arguments(service,
                argument_list::from_exec({"--dp-size", "4", "--expert-parallel-size=4", "--tensor-parallel-size", "2"}));
  set_mapping(service, backend_kind::sglang, {mapping_method::dep, 8}, 8);
  CHECK(arguments_of(service).exec()
        == std::vector<std::string>{"--tp", "8", "--dp", "8", "--ep", "8", "--enable-dp-attention"});
  set_mapping(service, backend_kind::sglang, {mapping_method::tp, 2}, 8);
  CHECK(arguments_of(service).exec() == std::vector<std::string>{"--tp", "2"});
}

TEST_CASE("overrides reach every deployment, and only services that exist") {
  auto r = request_for(backend_kind::vllm);
  r.extra["dgd-overrides"] = R"({"metadata":{"name":"renamed"},"spec":{"services":{"VllmDecodeWorker":
    {"sharedMemory":{"size":"80Gi"},"extraPodSpec":{"mainContainer":{"args":["--enforce-eager"]}}}}}})";
  r.extra["trust-remote-code"] = "true";
  r.extra["worker-envs"] = R"([{"name":"A","value":"1"}])";
  std::string error;
  const auto candidate = candidate_dgd(r, phase::decode, {mapping_method::tp, 1}, error);
  const auto args = worker_args(candidate, r.backend);
  CHECK(std::count(args.begin(), args.end(), "--enforce-eager") == 1);
  CHECK(std::count(args.begin(), args.end(), "--trust-remote-code") == 1);
  CHECK(candidate.find("size: 80Gi") != std::string::npos);
  CHECK(candidate.find("- name: A\n        value: \"1\"") != std::string::npos);
  CHECK(candidate.find("name: vllm-agg-") != std::string::npos);
  CHECK(final_dgd(r, {}, error).find("name: renamed") != std::string::npos);
  r.extra["dgd-overrides"] = R"({"spec":{"services":{"Nobody":{"replicas":2}}}})";
  CHECK(candidate_dgd(r, phase::decode, {}, error).empty());
  CHECK(error.find("Nobody") != std::string::npos);
}

TEST_CASE("without curves there is no ConfigMap and nothing to mount") {
  std::string error;
  const auto r = request_for(backend_kind::sglang);
  auto result = picked({mapping_method::tp, 2}, {mapping_method::tp, 2});
  result.prefill_curve.resize(2);
  CHECK(planner_configmap(r, result).empty());
  CHECK(final_dgd(r, result, error).find("ConfigMap") == std::string::npos);
  CHECK(mocker_dgd(r, result, error).find("planner-profile-data") == std::string::npos);
}

TEST_CASE("an estimate that picked an aggregated deployment gives one without prefill workers") {
  std::string error;
  const auto r = request_for(backend_kind::vllm);
  auto result = picked({mapping_method::tp, 2}, {mapping_method::tp, 4});
  CHECK(aggregated_dgd(r, result, error).empty());
  result.deployments.resize(1);
  auto& pick = result.deployments.front();
  pick.decode = {mapping_method::tp, 8};
  pick.decode_replicas = 2;
  pick.units = 3;
  const auto text = aggregated_dgd(r, result, error);
  auto documents = parse_yaml(text, error);
  REQUIRE(documents.size() == 1);
  CHECK(service_of(documents.front(), r.backend, phase::prefill) == nullptr);
  CHECK(service_of(documents.front(), r.backend, phase::decode)->text_at("replicas") == "6");
  CHECK(follows(worker_args(text, r.backend), "--tensor-parallel-size", "8"));
  CHECK(text.find("-disagg") == std::string::npos);
  pick.serving = serving_mode::disaggregated;
  CHECK(aggregated_dgd(r, result, error).empty());
  CHECK(error.empty());
}

TEST_CASE("the planner's image comes from where the workers' image comes from") {
  CHECK(sibling_image("reg:5000/x/vllm-runtime@sha256:ab", "dynamo-planner") == "reg:5000/x/dynamo-planner@sha256:ab");
  CHECK(sibling_image("reg/vllm-runtime:1", "dynamo-planner") == "reg/dynamo-planner:1");
  CHECK(sibling_image("plain", "other") == "other");
}

TEST_CASE("KV capacity is read from the last line that tells it") {
  using lines = std::vector<std::string>;
  const auto vllm = backend_kind::vllm;
  CHECK(kv_tokens_from_log(vllm, {"Maximum concurrency for 40,960 tokens per request: 12.26x"}, 1) == 502169);
  CHECK(kv_tokens_from_log(vllm, {"x Maximum concurrency for 4096 tokens per request: 1,000.5x y"}, 2) == 4098048 * 2);
  CHECK(kv_tokens_from_log(vllm, {"Maximum concurrency for many tokens per request: 2x"}, 1) == 0);
  CHECK(kv_tokens_from_log(vllm, {"Maximum concurrency for 5 tokens per request: x"}, 1) == 0);
  const auto sglang = backend_kind::sglang;
  CHECK(kv_tokens_from_log(sglang, {"KV Cache is allocated. #tokens: 511232, K size: 31.20 GB, V size: 31.20 GB"}, 4)
        == 511232 * 4);
  CHECK(kv_tokens_from_log(sglang, {"KV Cache is allocated. K size"}, 4) == 0);
  const lines trtllm{"[TensorRT-LLM][INFO] [MemUsageChange] Allocated 1.00 GiB for max tokens in paged KV cache (8224).",
                     "other",
                     "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 61.31 GiB for max tokens in paged KV cache (502272)."};
  CHECK(kv_tokens_from_log(backend_kind::trtllm, trtllm, 8) == 502272);
  CHECK(kv_tokens_from_log(backend_kind::trtllm, {}, 1) == 0);
}
