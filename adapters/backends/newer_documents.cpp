#include "adapters/backends/newer_documents.hpp"

namespace sextant {

namespace {

constexpr const char* gpu = "nvidia.com/gpu";

/// GPUs are the service's own in the older shape, under a shorter name.
void move_gpus(yaml_tree& service, yaml_tree& container) {
  auto* resources = container.find("resources");
  if (!resources)
    return;
  for (const auto* side : {"requests", "limits"}) {
    auto* amounts = resources->find(side);
    const auto* count = amounts ? amounts->find(gpu) : nullptr;
    if (!count)
      continue;
    service["resources"][side]["gpu"] = yaml_tree{count->scalar()};
    amounts->erase(gpu);
    if (amounts->entries().empty())
      resources->erase(side);
  }
  if (resources->entries().empty())
    container.erase("resources");
}

/// The pod of a component: its container `main` becomes the service's, the others stay beside it.
void take_pod(yaml_tree& service, const yaml_tree& pod_template) {
  if (const auto* metadata = pod_template.find("metadata"))
    service["extraPodMetadata"] = *metadata;
  const auto* spec = pod_template.find("spec");
  if (!spec || !spec->is_map())
    return;
  auto pod = *spec;
  pod.erase("containers");
  auto others = yaml_tree::list();
  if (const auto* containers = spec->find("containers"))
    for (auto container : containers->items()) {
      if (container.text_at("name") != "main") {
        others.append(container);
        continue;
      }
      container.erase("name");
      move_gpus(service, container);
      pod["mainContainer"] = container;
    }
  if (!others.items().empty())
    pod["containers"] = others;
  if (!pod.entries().empty())
    service["extraPodSpec"] = pod;
}

yaml_tree service_from(const yaml_tree& component) {
  auto service = yaml_tree::map();
  const auto type = component.text_at("type");
  const bool role = type == "prefill" || type == "decode";
  if (!type.empty())
    service["componentType"] = role ? std::string{"worker"} : type;
  if (role)
    service["subComponentType"] = type;
  for (const auto& [key, value] : component.entries())
    if (key == "podTemplate")
      take_pod(service, value);
    else if (key != "name" && key != "type")
      service[key] = value;
  return service;
}

} // namespace

bool to_services(yaml_tree& dgd, std::string& error) {
  auto* spec = dgd.find("spec");
  const auto* components = spec ? spec->find("components") : nullptr;
  if (!components)
    return true;
  if (!components->is_list()) {
    error = "spec.components must be a list";
    return false;
  }
  auto services = yaml_tree::map();
  size_t number = 0;
  for (const auto& component : components->items()) {
    ++number;
    const auto name = component.is_map() ? component.text_at("name") : std::string{};
    if (name.empty() || services.find(name)) {
      error = "spec.components: number " + std::to_string(number)
              + (name.empty() ? " must be a map with a name" : " has the name of another one: " + name);
      return false;
    }
    services[name] = service_from(component);
  }
  spec->erase("components");
  if (const auto* env = spec->find("env")) {
    (*spec)["envs"] = yaml_tree{*env};
    spec->erase("env");
  }
  if (!services.entries().empty())
    (*spec)["services"] = services;
  dgd["apiVersion"] = "nvidia.com/v1alpha1";
  return true;
}

} // namespace sextant
