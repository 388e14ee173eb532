// wishes.cpp: Overrides and extras. Objects and lists travel as JSON text, which is YAML as well.
#include "adapters/backends/wishes.hpp"

#include "adapters/backends/modifiers.hpp"

namespace sextant {

namespace {

std::string extra(const profile_request& request, const std::string& name) {
  const auto found = request.extra.find(name);
  return found == request.extra.end() ? std::string{} : found->second;
}

yaml_tree extra_tree(const profile_request& request, const std::string& name) {
  std::string error;
  auto documents = parse_yaml(extra(request, name), error);
  return documents.empty() ? yaml_tree{} : std::move(documents.front());
}

// Arguments given for a v1alpha1 service are added to those it has; they do not replace them.
void merge_service(yaml_tree& service, yaml_tree change) {
  auto* pod = change.find("extraPodSpec");
  auto* container = pod ? pod->find("mainContainer") : nullptr;
  auto* more = container ? container->find("args") : nullptr;
  if (more) {
    auto args = arguments_of(service);
    for (const auto& arg : more->scalars())
      args.append(arg);
    container->erase("args");
    set_arguments(service, args);
  }
  merge_over(service, change);
}

// A v1beta1 component: its main container is the service's.
void merge_component(yaml_tree& service, const yaml_tree& component) {
  if (const auto* replicas = component.find("replicas"))
    service["replicas"] = *replicas;
  const auto* pod = component.find("podTemplate");
  const auto* spec = pod ? pod->find("spec") : nullptr;
  const auto* containers = spec ? spec->find("containers") : nullptr;
  if (!containers)
    return;
  for (auto container : containers->items()) {
    if (container.text_at("name") != "main")
      continue;
    container.erase("name");
    merge_over(service["extraPodSpec"]["mainContainer"], container);
  }
}

std::string override_services(yaml_tree& dgd, const yaml_tree& spec) {
  auto& services = dgd["spec"]["services"];
  const auto refusal = [](const std::string& name) { return "overrides.dgd: the deployment has no service " + name; };
  if (const auto* changes = spec.find("services"))
    for (const auto& [name, change] : changes->entries()) {
      auto* service = services.find(name);
      if (!service)
        return refusal(name);
      merge_service(*service, change);
    }
  if (const auto* components = spec.find("components"))
    for (const auto& component : components->items()) {
      auto* service = services.find(component.text_at("name"));
      if (!service)
        return refusal(component.text_at("name"));
      merge_component(*service, component);
    }
  return {};
}

} // namespace

void merge_over(yaml_tree& target, const yaml_tree& change) {
  if (!change.is_map() || !target.is_map()) {
    target = change;
    return;
  }
  for (const auto& [key, value] : change.entries())
    merge_over(target[key], value);
}

std::string apply_common_wishes(yaml_tree& dgd, const profile_request& request) {
  const auto overrides = extra_tree(request, "dgd-overrides");
  if (const auto* spec = overrides.find("spec"))
    if (auto error = override_services(dgd, *spec); !error.empty())
      return error;
  const auto envs = extra_tree(request, "worker-envs");
  const bool trust = extra(request, "trust-remote-code") == "true";
  for (const auto role : {phase::prefill, phase::decode}) {
    auto* service = service_of(dgd, request.backend, role);
    if (!service)
      continue;
    for (const auto& env : envs.items())
      (*service)["envs"].append(env);
    if (!trust)
      continue;
    auto args = arguments_of(*service);
    args.add("--trust-remote-code");
    set_arguments(*service, args);
  }
  return {};
}

void apply_final_wishes(yaml_tree& dgd, const profile_request& request) {
  const auto overrides = extra_tree(request, "dgd-overrides");
  auto name = extra(request, "dgd-name");
  if (const auto* metadata = overrides.find("metadata"); metadata && !metadata->text_at("name").empty())
    name = metadata->text_at("name");
  if (!name.empty())
    dgd["metadata"]["name"] = name;
  for (const auto* kind : {"labels", "annotations"}) {
    const auto wanted = extra_tree(request, std::string{"dgd-"} + kind);
    if (wanted.is_map() && !wanted.entries().empty())
      merge_over(dgd["metadata"][kind], wanted);
  }
  auto* frontend = frontend_of(dgd);
  if (frontend && extra(request, "kv-router") == "true")
    (*frontend)["envs"].append(yaml_tree::map({{"name", "DYN_ROUTER_MODE"}, {"value", "kv"}}));
}

bool wants_planner(const profile_request& request) {
  return request.api == request_api::v1alpha1 || !extra(request, "planner-config").empty() || !request.planner.empty();
}

} // namespace sextant
