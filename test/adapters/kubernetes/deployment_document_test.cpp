// deployment_document_test.cpp: Deployments as they are sent: names, labels, owners, both API versions.
#include <catch2/catch.hpp>

#include <set>

#include <nlohmann/json.hpp>

#include "adapters/kubernetes/cluster.hpp"
#include "adapters/kubernetes/deployment_document.hpp"

using namespace sextant;
using namespace sextant::kubernetes;
using nlohmann::json;

namespace {

const std::string worker = R"(apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata:
  name: vllm-agg-1a2b
  namespace: team
spec:
  envs: [{name: A, value: "1"}]
  pvcs: [{name: cache, create: false}]
  services:
    Frontend:
      componentType: frontend
      replicas: 1
      extraPodSpec:
        mainContainer: {image: "r/front:1"}
    VllmDecodeWorker:
      componentType: worker
      subComponentType: decode
      replicas: 2
      envFromSecret: hf-token-secret
      envs: [{name: B, value: "2"}]
      resources: {limits: {gpu: "4"}, requests: {cpu: "8"}}
      volumeMounts: [{name: cache, mountPoint: /opt/model-cache}]
      extraPodSpec:
        tolerations: [{operator: Exists}]
        mainContainer:
          image: r/vllm:1
          command: [python3, -m, dynamo.vllm]
          args: [--model, m, --port, "8000"]
)";

deployment_identity me() {
  return {"s1", "req/decode-TP4#1", "other", std::nullopt};
}

json body(const std::optional<deployment_document>& d) {
  REQUIRE(d);
  return json::parse(d->body);
}

} // namespace

TEST_CASE("a deployment gets a name, labels and its engine; the rest stays") {
  std::string error;
  const auto d = make_deployment(worker, me(), {"v1alpha1"}, error);
  const auto o = body(d);
  CHECK(d->collection == "/apis/nvidia.com/v1alpha1/namespaces/team/dynamographdeployments");
  CHECK(o["metadata"]["name"] == d->name);
  CHECK(o["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "sextant");
  CHECK(o["metadata"]["labels"]["sextant.dev/session"] == "s1");
  CHECK(o["metadata"]["annotations"]["sextant.dev/engine"] == "req/decode-TP4#1");
  CHECK_FALSE(o["metadata"].contains("ownerReferences"));
  CHECK(o["spec"]["services"]["VllmDecodeWorker"]["resources"]["limits"]["gpu"] == "4"); // a text, as the CRD wants it
  CHECK(o["spec"]["services"]["VllmDecodeWorker"]["replicas"] == 2);
  CHECK_FALSE(d->mocked);
}

TEST_CASE("the request that this runs for owns it") {
  auto who = me();
  who.owner = owner_reference{"nvidia.com/v1alpha1", "DynamoGraphDeploymentRequest", "r", "uid-1"};
  std::string error;
  const auto owner = body(make_deployment(worker, who, {"v1alpha1"}, error))["metadata"]["ownerReferences"][0];
  CHECK(owner["uid"] == "uid-1");
  CHECK(owner["controller"] == false);
  CHECK(owner["blockOwnerDeletion"] == true);
}

TEST_CASE("names keep within what Grove takes, and apart from each other") {
  std::set<std::string> names;
  for (const size_t part : {9, 16, 20, 36, 60})
    for (const auto* base :
         {"vllm-agg-1a2b", "x", "", "9lives", "a-very-long-name-that-somebody-once-thought-of-for-fun", "UPPER_case."})
      for (int attempt = 1; attempt <= 3; ++attempt) {
        const auto name = deployment_name(base, std::to_string(part) + base + "#" + std::to_string(attempt), part);
        CHECK((part > 34 || name.size() + part <= longest_combined_name));
        CHECK(name.size() >= 10);
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
        CHECK(std::isalpha(static_cast<unsigned char>(name.front())));
        CHECK(names.insert(name).second);
      }
  CHECK(deployment_name("a", "k", 9) == deployment_name("a", "k", 9));
}

TEST_CASE("where only v1beta1 is served the document takes its shape") {
  std::string error;
  const auto d = make_deployment(worker, me(), {"v1beta1"}, error);
  const auto o = body(d);
  CHECK(d->collection == "/apis/nvidia.com/v1beta1/namespaces/team/dynamographdeployments");
  CHECK(o["apiVersion"] == "nvidia.com/v1beta1");
  CHECK(o["spec"]["env"][0]["name"] == "A");
  CHECK_FALSE(o["spec"].contains("services"));
  REQUIRE(o["spec"]["components"].size() == 2);
  CHECK(o["spec"]["components"][0]["type"] == "frontend");
  const auto& c = o["spec"]["components"][1];
  CHECK((c["name"] == "VllmDecodeWorker" && c["type"] == "decode" && c["replicas"] == 2));
  const auto& pod = c["podTemplate"]["spec"];
  CHECK(pod["tolerations"][0]["operator"] == "Exists");
  const auto& main = pod["containers"][0];
  CHECK(main["name"] == "main");
  CHECK(main["args"] == json({"--model", "m", "--port", "8000"}));
  CHECK(main["env"][0]["name"] == "B");
  CHECK(main["envFrom"][0]["secretRef"]["name"] == "hf-token-secret");
  CHECK(main["resources"]["limits"]["nvidia.com/gpu"] == "4");
  CHECK(main["resources"]["requests"]["cpu"] == "8");
  CHECK(main["volumeMounts"][0]["mountPath"] == "/opt/model-cache");
  CHECK(pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "cache");
}

TEST_CASE("documents that cannot be sent say why") {
  std::string error;
  CHECK_FALSE(make_deployment(worker, me(), {"v2"}, error));
  CHECK(error == "the cluster does not serve nvidia.com/v1alpha1 DynamoGraphDeployments");
  for (const auto* bad : {"", "a: [", "kind: Pod\n", "kind: DynamoGraphDeployment\napiVersion: v1\nspec: {}\n",
                          "kind: DynamoGraphDeployment\napiVersion: nvidia.com/v1alpha1\n"}) {
    error.clear();
    CHECK_FALSE(make_deployment(bad, me(), {"v1alpha1"}, error));
    CHECK_FALSE(error.empty());
  }
}

TEST_CASE("leftovers: our own, and of sessions that are dead for certain") {
  const auto made = [](const std::string& name, const std::string& session, const std::string& created) {
    deployment_view d;
    d.name = name;
    d.session = session;
    d.created = created;
    return d;
  };
  const std::vector<deployment_view> all{
      made("own", "me", "1970-01-01T00:16:39Z"),  made("alive", "a", "1970-01-01T00:00:00Z"),
      made("over", "b", "1970-01-01T00:00:00Z"),  made("none", "c", "1970-01-01T00:00:00Z"),
      made("young", "d", "1970-01-01T00:16:00Z"), made("foreign", "", "1970-01-01T00:00:00Z")};
  const std::vector<session_lease> leases{{"a", "h/1", 960, 45}, {"b", "h/2", 900, 45}};
  const auto names = [](const std::vector<deployment_view>& found) {
    std::set<std::string> out;
    for (const auto& d : found)
      out.insert(d.name);
    return out;
  };
  CHECK(names(leftovers(all, leases, true, "me", 1000)) == std::set<std::string>{"own", "over", "none"});
  CHECK(names(leftovers(all, {}, false, "me", 1000)) == std::set<std::string>{"own"});
}

TEST_CASE("GPUs by node labels: the largest group of equal nodes") {
  const auto node = [](const std::string& product, int gpus, int mib, const std::string& more = {}) {
    return read_node(R"({"metadata":{"name":"n","labels":{"nvidia.com/gpu.product":")" + product
                     + R"(","nvidia.com/gpu.count":")" + std::to_string(gpus) + R"(","nvidia.com/gpu.memory":")"
                     + std::to_string(mib) + R"("}})" + more + "}")
        .value();
  };
  const auto found = inventory_of({node("NVIDIA-L40S", 4, 46068), node("NVIDIA-H100-80GB-HBM3", 8, 81559),
                                   node("NVIDIA-H200", 8, 143771), node("NVIDIA-H200", 8, 143771),
                                   node("NVIDIA-GB200", 16, 190000, R"(,"spec":{"unschedulable":true})"), node("", 0, 0)});
  CHECK(found.product == "NVIDIA-H200");
  CHECK(found.system == "h200_sxm");
  CHECK((found.gpus_per_node == 8 && found.nodes == 2 && found.total == 16 && found.memory_mib == 143771));
  CHECK(inventory_of({}).total == 0);
  CHECK(read_node(R"({"status":{"allocatable":{"nvidia.com/gpu":"2"}}})")->gpus == 2); // no labels: what the kubelet counts
  CHECK(system_of_product("NVIDIA GB200 NVL72") == "gb200_sxm");
  CHECK(system_of_product("Tesla-T4").empty());
}

TEST_CASE("permissions are named as people grant them") {
  CHECK(permission{"get", "", "pods", "log"}.text() == "get pods/log");
  CHECK(permission{"create", "nvidia.com", "dynamographdeployments", ""}.text()
        == "create dynamographdeployments.nvidia.com");
}
