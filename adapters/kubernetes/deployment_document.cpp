#include "adapters/kubernetes/deployment_document.hpp"

#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "adapters/kubernetes/labels.hpp"
#include "config/document.hpp"
#include "config/intake.hpp"
#include "messages/subjects.hpp"

namespace sextant::kubernetes {

namespace {

using json = nlohmann::ordered_json;

constexpr size_t hash_digits = 8;
constexpr size_t shortest_base = 2;

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

json part(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : json{};
}

void append(json& list, const json& more) {
  for (const auto& item : more)
    list.push_back(item);
}

/// `gpu: "1"` under limits is `nvidia.com/gpu: "1"` there; `custom` holds names as they are.
json resources_of(const json& resources) {
  json out = json::object();
  for (const auto* side : {"requests", "limits"}) {
    const auto from = part(resources, side);
    if (!from.is_object())
      continue;
    for (const auto& [key, value] : from.items()) {
      if (key == "gpu")
        out[side]["nvidia.com/gpu"] = value;
      else if (key == "custom")
        out[side].update(value);
      else if (key != "gpuType")
        out[side][key] = value;
    }
  }
  return out;
}

/// The main container of a v1beta1 component from a v1alpha1 service.
json main_container(const json& service, const json& pod) {
  json main = part(pod, "mainContainer");
  if (!main.is_object())
    main = json::object();
  main["name"] = "main";
  append(main["env"], part(service, "envs"));
  if (main["env"].is_null())
    main.erase("env");
  if (const auto secret = text(service, "envFromSecret"); !secret.empty())
    main["envFrom"].push_back({{"secretRef", {{"name", secret}}}});
  if (auto resources = resources_of(part(service, "resources")); !resources.empty())
    main["resources"].update(resources);
  for (const auto* probe : {"livenessProbe", "readinessProbe"})
    if (service.contains(probe))
      main[probe] = service[probe];
  for (const auto& mount : part(service, "volumeMounts"))
    main["volumeMounts"].push_back({{"name", text(mount, "name")}, {"mountPath", text(mount, "mountPoint")}});
  return main;
}

json component_of(const std::string& name, const json& service, const json& claims) {
  json component{{"name", name}};
  const auto role = text(service, "subComponentType");
  component["type"] = role.empty() ? text(service, "componentType") : role;
  for (const auto* same : {"replicas", "multinode", "scalingAdapter", "modelRef"})
    if (service.contains(same))
      component[same] = service[same];
  const auto pod = part(service, "extraPodSpec");
  json spec = pod.is_object() ? pod : json::object();
  spec.erase("mainContainer");
  json containers = json::array({main_container(service, pod)});
  append(containers, part(pod, "containers"));
  spec["containers"] = std::move(containers);
  for (const auto& mount : part(service, "volumeMounts"))
    for (const auto& claim : claims)
      if (text(claim, "name") == text(mount, "name"))
        spec["volumes"].push_back(
            {{"name", text(mount, "name")}, {"persistentVolumeClaim", {{"claimName", text(claim, "name")}}}});
  component["podTemplate"]["spec"] = std::move(spec);
  if (const auto metadata = part(service, "extraPodMetadata"); metadata.is_object())
    component["podTemplate"]["metadata"] = metadata;
  return component;
}

/// The shape of nvidia.com/v1beta1: a list of components with pod templates.
json newer_shape(const json& spec) {
  json out = json::object();
  for (const auto& [key, value] : spec.items())
    if (key == "envs")
      out["env"] = value;
    else if (key != "services" && key != "pvcs")
      out[key] = value;
  out["components"] = json::array();
  const auto services = part(spec, "services"), claims = part(spec, "pvcs");
  for (const auto& [name, service] : services.items())
    out["components"].push_back(component_of(name, service, claims));
  return out;
}

/// Characters that operator and Grove add to a deployment's name for the largest of its parts.
size_t longest_part(const json& spec) {
  size_t longest = std::string_view{"-frontend"}.size();
  const auto measure = [&](const std::string& name, const json& service) {
    const bool several_nodes = service.contains("multinode");
    longest = std::max(longest, several_nodes ? 2 * name.size() + 4 : name.size());
  };
  const auto services = part(spec, "services");
  for (const auto& [name, service] : services.items())
    measure(name, service);
  for (const auto& component : part(spec, "components"))
    measure(text(component, "name"), component);
  return longest;
}

/// A document in a version that is served, and what its parts need of a name.
struct served_document {
  json object;
  std::string version;
  size_t part_size = 0;
};

std::optional<served_document> serve(const std::string& dgd, const std::vector<std::string>& served_versions,
                                     std::string& error) {
  std::vector<document_error> errors;
  const auto tree = read_document(dgd, "deployment", errors);
  if (!errors.empty() || !tree) {
    error = errors.empty() ? "the deployment is empty" : format_error(errors.front());
    return std::nullopt;
  }
  served_document out;
  out.object = json::parse(json_text(*tree), nullptr, false);
  auto& object = out.object;
  const auto api = object.is_object() ? text(object, "apiVersion") : std::string{};
  if (!object.is_object() || text(object, "kind") != "DynamoGraphDeployment" || !part(object, "spec").is_object()
      || api.rfind("nvidia.com/", 0) != 0) {
    error = "the deployment is no DynamoGraphDeployment of nvidia.com with a spec";
    return std::nullopt;
  }
  out.version = api.substr(api.find('/') + 1);
  const auto served = [&](const std::string& v) {
    return std::find(served_versions.begin(), served_versions.end(), v) != served_versions.end();
  };
  out.part_size = longest_part(object["spec"]);
  if (!served(out.version) && out.version == "v1alpha1" && served("v1beta1")) {
    out.version = "v1beta1";
    object["spec"] = newer_shape(object["spec"]);
    object["apiVersion"] = "nvidia.com/v1beta1";
  }
  if (!served(out.version)) {
    error = "the cluster does not serve nvidia.com/" + out.version + " DynamoGraphDeployments";
    return std::nullopt;
  }
  return out;
}

} // namespace

std::string deployment_name(const std::string& base, const std::string& key, size_t part_size) {
  const size_t fixed = part_size + 1 + hash_digits;
  const size_t room = longest_combined_name > fixed ? longest_combined_name - fixed : 0;
  std::string name;
  for (const unsigned char c : base.substr(0, std::max(room, shortest_base)))
    name += std::isalnum(c) ? static_cast<char>(std::tolower(c)) : '-';
  while (!name.empty() && name.back() == '-')
    name.pop_back();
  if (name.empty() || !std::isalpha(static_cast<unsigned char>(name.front())))
    name = "sx";
  return name + "-" + stable_hash(key).substr(0, hash_digits);
}

std::string deployments_path(const std::string& version, const std::string& name_space) {
  return "/apis/nvidia.com/" + version + "/namespaces/" + name_space + "/dynamographdeployments";
}

std::optional<deployment_document> make_deployment(const std::string& dgd, const deployment_identity& who,
                                                   const std::vector<std::string>& served_versions, std::string& error) {
  auto served = serve(dgd, served_versions, error);
  if (!served)
    return std::nullopt;
  auto& object = served->object;
  deployment_document out;
  out.mocked = dgd.find("dynamo.mocker") != std::string::npos;
  auto& metadata = object["metadata"];
  out.name_space =
      metadata.is_object() && !text(metadata, "namespace").empty() ? text(metadata, "namespace") : who.name_space;
  out.name =
      deployment_name(metadata.is_object() ? text(metadata, "name") : "", who.session + "/" + who.engine, served->part_size);
  metadata["name"] = out.name;
  metadata["namespace"] = out.name_space;
  metadata["labels"][labels::managed_by] = labels::manager;
  metadata["labels"][labels::session] = who.session;
  metadata["annotations"][labels::engine] = who.engine;
  if (who.owner)
    metadata["ownerReferences"] = json::array({{{"apiVersion", who.owner->api_version},
                                                {"kind", who.owner->kind},
                                                {"name", who.owner->name},
                                                {"uid", who.owner->uid},
                                                {"controller", false},
                                                {"blockOwnerDeletion", true}}});
  out.collection = deployments_path(served->version, out.name_space);
  out.body = object.dump(-1, ' ', false, json::error_handler_t::replace);
  return out;
}

std::optional<deployment_document> make_serving_deployment(const std::string& dgd, const std::string& name,
                                                           const std::string& name_space, const object_marks& labels,
                                                           const object_marks& annotations,
                                                           const std::vector<std::string>& served_versions,
                                                           std::string& error) {
  auto served = serve(dgd, served_versions, error);
  if (!served)
    return std::nullopt;
  deployment_document out;
  out.mocked = dgd.find("dynamo.mocker") != std::string::npos;
  out.name_space = name_space;
  out.name =
      name.size() + served->part_size <= longest_combined_name ? name : deployment_name(name, name, served->part_size);
  auto& metadata = served->object["metadata"];
  metadata["name"] = out.name;
  metadata["namespace"] = out.name_space;
  for (const auto& [key, value] : labels)
    metadata["labels"][key] = value;
  for (const auto& [key, value] : annotations)
    metadata["annotations"][key] = value;
  out.collection = deployments_path(served->version, out.name_space);
  out.body = served->object.dump(-1, ' ', false, json::error_handler_t::replace);
  return out;
}

} // namespace sextant::kubernetes
