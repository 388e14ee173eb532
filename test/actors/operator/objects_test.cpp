#include "actors/operator/objects.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sextant::operating {

namespace {

using nlohmann::json;

request_view request() {
  request_view r;
  r.name = "r";
  r.name_space = "n";
  r.uid = "u";
  r.document = R"({"spec": {}})";
  return r;
}

const std::string documents = R"(apiVersion: v1
kind: ConfigMap
metadata: {name: planner-profile-data, namespace: elsewhere}
data: {a: "1"}
---
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {name: vllm-disagg}
spec:
  services:
    Planner:
      extraPodSpec:
        volumes: [{name: planner-profile-data, configMap: {name: planner-profile-data}}]
)";

} // namespace

TEST_CASE("documents become objects of the request's namespace that carry its name", "[operator]") {
  std::string error;
  const auto made = serving_objects_of(request(), documents, "r-dgd", {}, {"v1alpha1"}, error);
  REQUIRE(made);
  REQUIRE(made->maps.size() == 1);
  const auto map = json::parse(made->maps[0].body);
  CHECK(map["metadata"]["namespace"] == "n");
  CHECK(map["metadata"]["labels"][marks::tracked_name] == "r");
  CHECK(left_by(made->maps[0].body, request()));
  const auto deployment = json::parse(made->deployment.body);
  CHECK(deployment["metadata"]["name"] == "r-dgd");
  CHECK(deployment["metadata"]["labels"][marks::tracked_namespace] == "n");
  CHECK_FALSE(deployment["metadata"].contains("ownerReferences")); // it serves on when the request is deleted
  CHECK(left_by(made->deployment.body, request()));
}

TEST_CASE("a ConfigMap of somebody else is not taken: ours has another name, where it is mounted too", "[operator]") {
  std::string error;
  const auto made = serving_objects_of(request(), documents, "r-dgd", {"planner-profile-data"}, {"v1alpha1"}, error);
  REQUIRE(made);
  const auto name = made->maps.at(0).name;
  CHECK(name.starts_with("planner-profile-data-"));
  const auto deployment = json::parse(made->deployment.body);
  CHECK(deployment["spec"]["services"]["Planner"]["extraPodSpec"]["volumes"][0]["configMap"]["name"] == name);
}

TEST_CASE("names too long for Grove are cut, results without a deployment are errors", "[operator]") {
  std::string error;
  const auto made = serving_objects_of(request(), documents, std::string(60, 'x'), {}, {"v1alpha1"}, error);
  REQUIRE(made);
  CHECK(made->deployment.name.size() + std::string{"-frontend"}.size() <= kubernetes::longest_combined_name);
  CHECK_FALSE(serving_objects_of(request(), "kind: ConfigMap\nmetadata: {name: a}\n", "r-dgd", {}, {"v1alpha1"}, error));
  CHECK(error.find("no DynamoGraphDeployment") != std::string::npos);
}

TEST_CASE("an event names the object and keeps within the server's limit", "[operator]") {
  const auto event = json::parse(event_object(request(), {true, "ValidationFailed", std::string(5000, 'x')},
                                              "nvidia.com/v1beta1", "2026-11-24T10:00:00Z"));
  CHECK(event["type"] == "Warning");
  CHECK(event["involvedObject"]["uid"] == "u");
  CHECK(event["message"].get<std::string>().size() == 1024);
}

} // namespace sextant::operating
