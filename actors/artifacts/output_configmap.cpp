// output_configmap.cpp: The keys that the operators of both generations look for.
#include "actors/artifacts/output_configmap.hpp"

#include "adapters/backends/yaml_tree.hpp"

namespace sextant {

std::string object_name(const profile_request& request) {
  return request.name.empty() ? request.id : request.name;
}

std::string output_configmap(const profile_request& request, const output_texts& texts) {
  auto metadata = yaml_tree::map({{"name", "dgdr-output-" + object_name(request)}});
  if (!request.kubernetes_namespace.empty())
    metadata["namespace"] = request.kubernetes_namespace;
  metadata["labels"] =
      yaml_tree::map({{"dgdr.nvidia.com/name", object_name(request)}, {"nvidia.com/managed-by", "sextant"}});
  auto data = yaml_tree::map();
  const bool beta = request.api == request_api::v1beta1;
  if (beta) {
    data["phase"] = "Done";
    data["message"] = texts.message;
    data["profiler_status"] = "success";
    data["final_config.yaml"] = request.use_mocker ? texts.mocker_config : texts.config;
  }
  data["config_with_planner.yaml"] = texts.config;
  data["mocker_config_with_planner.yaml"] = texts.mocker_config;
  data["profiler_status.yaml"] = texts.status;
  return write_yaml(yaml_tree::map({{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", metadata}, {"data", data}}));
}

} // namespace sextant
