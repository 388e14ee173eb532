#include "adapters/backends/newer_documents.hpp"

#include <catch2/catch.hpp>

#include "adapters/backends/dgd.hpp"

namespace sextant {

namespace {

const std::string newer = R"(apiVersion: nvidia.com/v1beta1
kind: DynamoGraphDeployment
metadata: {name: demo}
spec:
  env: [{name: A, value: b}]
  components:
  - name: Frontend
    type: frontend
    replicas: 2
    podTemplate: {spec: {containers: [{name: main, image: "r/vllm-runtime:1.3.0"}]}}
  - name: pre
    type: prefill
    podTemplate:
      metadata: {labels: {team: x}}
      spec:
        tolerations: [{key: gpu}]
        containers:
        - {name: helper, image: h}
        - {name: main, image: i, command: [python3, -m, dynamo.vllm], args: [--is-prefill-worker],
           resources: {limits: {nvidia.com/gpu: "2", memory: 1Gi}}}
  - name: dec
    type: decode
    podTemplate:
      spec: {containers: [{name: main, image: i, command: [python3, -m, dynamo.vllm], args: [--enforce-eager],
                           resources: {limits: {nvidia.com/gpu: "1"}}}]}
)";

yaml_tree read(const std::string& text) {
  std::string error;
  return parse_yaml(text, error).at(0);
}

} // namespace

TEST_CASE("components become services with their main container, GPUs and roles") {
  auto dgd = read(newer);
  std::string error;
  REQUIRE(to_services(dgd, error));
  CHECK(dgd.text_at("apiVersion") == "nvidia.com/v1alpha1");
  CHECK_FALSE(dgd["spec"].find("components"));
  CHECK(dgd["spec"]["envs"].items().size() == 1);
  auto& services = dgd["spec"]["services"];
  CHECK(services["Frontend"].text_at("componentType") == "frontend");
  CHECK(services["Frontend"].text_at("replicas") == "2");
  auto& pre = services["pre"];
  CHECK(pre.text_at("componentType") == "worker");
  CHECK(pre.text_at("subComponentType") == "prefill");
  CHECK(pre["resources"]["limits"].text_at("gpu") == "2");
  auto& pod = pre["extraPodSpec"];
  CHECK(pod["mainContainer"].text_at("image") == "i");
  CHECK(pod["mainContainer"]["resources"]["limits"].text_at("memory") == "1Gi");
  CHECK_FALSE(pod["mainContainer"]["resources"]["limits"].find("nvidia.com/gpu"));
  CHECK(pod["containers"].items().size() == 1);
  CHECK(pod["tolerations"].items().size() == 1);
  CHECK(pre["extraPodMetadata"]["labels"].text_at("team") == "x");
  CHECK_FALSE(services["dec"]["extraPodSpec"]["mainContainer"].find("resources"));
}

TEST_CASE("a base deployment of v1beta1 is profiled like one of v1alpha1") {
  profile_request r;
  r.model.name = "Qwen/Qwen3-32B";
  r.base_config = newer;
  std::string error;
  const auto candidate = candidate_dgd(r, phase::prefill, {mapping_method::tp, 2}, error);
  CHECK(error.empty());
  CHECK(candidate.find("dynamo.vllm") != std::string::npos);
  CHECK(candidate.find("--tensor-parallel-size") != std::string::npos);
  CHECK(candidate.find("nvidia.com/v1alpha1") != std::string::npos);
}

TEST_CASE("malformed components are refused with their number") {
  std::string error;
  for (const auto& [text, reason] : std::vector<std::pair<std::string, std::string>>{
           {"spec: {components: 3}", "must be a list"},
           {"spec: {components: [{type: frontend}]}", "number 1 must be a map with a name"},
           {"spec: {components: [{name: a}, {name: a}]}", "number 2 has the name of another one: a"}}) {
    auto dgd = read(text);
    CHECK_FALSE(to_services(dgd, error));
    CHECK(error.find(reason) != std::string::npos);
  }
}

} // namespace sextant
