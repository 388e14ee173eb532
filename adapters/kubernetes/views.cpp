#include "adapters/kubernetes/views.hpp"

#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "adapters/kubernetes/labels.hpp"

namespace sextant::kubernetes {

namespace {

using nlohmann::json;

const json& at(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object())
    return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text(const json& object, const char* key) {
  const auto& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

int number(const json& object, const char* key) {
  const auto& value = at(object, key);
  return value.is_number() ? static_cast<int>(value.get<double>()) : 0;
}

bool flag(const json& object, const char* key) {
  const auto& value = at(object, key);
  return value.is_boolean() && value.get<bool>();
}

/// The condition of a type in a status, or nothing.
const json& condition(const json& status, std::string_view type) {
  static const json nothing;
  const auto& all = at(status, "conditions");
  if (all.is_array())
    for (const auto& one : all)
      if (text(one, "type") == type)
        return one;
  return nothing;
}

container_state state_of(const json& state) {
  container_state out;
  const auto take = [&](const char* key, container_state::kinds kind) {
    const auto& part = at(state, key);
    if (!part.is_object())
      return;
    out.kind = kind;
    out.reason = text(part, "reason");
    out.message = text(part, "message");
    out.exit_code = number(part, "exitCode");
  };
  take("waiting", container_state::kinds::waiting);
  take("running", container_state::kinds::running);
  take("terminated", container_state::kinds::terminated);
  return out;
}

void add_containers(const json& statuses, std::vector<container_view>& out) {
  if (!statuses.is_array())
    return;
  for (const auto& status : statuses) {
    container_view c;
    c.name = text(status, "name");
    c.image = text(status, "image");
    c.ready = flag(status, "ready");
    c.restarts = number(status, "restartCount");
    c.now = state_of(at(status, "state"));
    c.before = state_of(at(status, "lastState"));
    out.push_back(std::move(c));
  }
}

json parsed(const std::string& object) {
  return json::parse(object, nullptr, false);
}

} // namespace

std::optional<pod_view> read_pod(const std::string& object) {
  const auto o = parsed(object);
  if (!o.is_object())
    return std::nullopt;
  const auto &meta = at(o, "metadata"), &status = at(o, "status");
  pod_view pod;
  pod.name = text(meta, "name");
  pod.deleting = !text(meta, "deletionTimestamp").empty();
  pod.component_type = text(at(meta, "labels"), labels::component_type);
  pod.phase = text(status, "phase");
  pod.reason = text(status, "reason");
  pod.message = text(status, "message");
  pod.ip = text(status, "podIP");
  pod.nominated = !text(status, "nominatedNodeName").empty();
  pod.ready = text(condition(status, "Ready"), "status") == "True";
  if (const auto& scheduled = condition(status, "PodScheduled"); text(scheduled, "status") == "False") {
    pod.schedule_reason = text(scheduled, "reason");
    pod.schedule_message = text(scheduled, "message");
  }
  add_containers(at(status, "initContainerStatuses"), pod.containers);
  add_containers(at(status, "containerStatuses"), pod.containers);
  return pod;
}

std::optional<event_view> read_event(const std::string& object) {
  const auto o = parsed(object);
  if (!o.is_object())
    return std::nullopt;
  const auto& about = at(o, "involvedObject");
  event_view event;
  event.kind = text(about, "kind");
  event.object = text(about, "name");
  event.type = text(o, "type");
  event.reason = text(o, "reason");
  event.message = text(o, "message");
  event.count = std::max({1, number(o, "count"), number(at(o, "series"), "count")});
  return event;
}

std::optional<deployment_view> read_deployment(const std::string& object) {
  const auto o = parsed(object);
  if (!o.is_object())
    return std::nullopt;
  const auto &meta = at(o, "metadata"), &status = at(o, "status");
  const auto& ready = condition(status, "Ready");
  deployment_view d;
  d.name = text(meta, "name");
  d.created = text(meta, "creationTimestamp");
  d.deleting = !text(meta, "deletionTimestamp").empty();
  d.session = text(at(meta, "labels"), labels::session);
  d.engine = text(at(meta, "annotations"), labels::engine);
  d.state = text(status, "state");
  d.ready = text(ready, "status") == "True" || d.state == "successful";
  d.reason = text(ready, "reason");
  d.message = text(ready, "message");
  for (const auto* parts : {"services", "components"}) // of v1alpha1, of v1beta1
    if (const auto& all = at(status, parts); all.is_object())
      for (const auto& [name, part] : all.items()) {
        d.replicas += number(part, "replicas");
        d.available += std::max(number(part, "availableReplicas"), number(part, "readyReplicas"));
      }
  return d;
}

std::optional<node_view> read_node(const std::string& object) {
  const auto o = parsed(object);
  if (!o.is_object())
    return std::nullopt;
  const auto &meta = at(o, "metadata"), &status = at(o, "status");
  const auto& node_labels = at(meta, "labels");
  const auto integer = [](const std::string& value) { return static_cast<int>(std::strtol(value.c_str(), nullptr, 10)); };
  node_view node;
  node.name = text(meta, "name");
  node.product = text(node_labels, "nvidia.com/gpu.product");
  node.memory_mib = integer(text(node_labels, "nvidia.com/gpu.memory"));
  node.gpus = integer(text(node_labels, "nvidia.com/gpu.count"));
  if (node.gpus <= 0)
    node.gpus = integer(text(at(status, "allocatable"), "nvidia.com/gpu"));
  node.usable = text(condition(status, "Ready"), "status") != "False" && !flag(at(o, "spec"), "unschedulable");
  return node;
}

std::vector<std::string> items_of(const std::string& list) {
  const auto o = parsed(list);
  std::vector<std::string> out;
  if (const auto& items = at(o, "items"); items.is_array())
    for (const auto& item : items)
      out.push_back(item.dump(-1, ' ', false, json::error_handler_t::replace));
  return out;
}

} // namespace sextant::kubernetes
