#include "actors/operator/request_status.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace sextant::operating {

namespace {

using nlohmann::json;

/// Kubernetes takes conditions with messages up to this length.
constexpr size_t longest_message = 32768;

json part(const json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object[key] : json{};
}

std::string text(const json& object, const char* key) {
  const auto value = part(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

double number(const json& object, const char* key) {
  const auto value = part(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

/// `state` of v1alpha1: a deployment that is up is `Ready` there.
std::string state_of(const request_status& s) {
  if (s.phase == phases::deployed)
    return phases::ready;
  const auto* deployment = s.find("DeploymentReady");
  return s.phase == phases::failed && deployment && deployment->reason == deployment_deleted ? deployment_deleted : s.phase;
}

json conditions_of(const request_status& s) {
  json out = json::array();
  for (const auto& c : s.conditions)
    out.push_back({{"type", c.type},
                   {"status", c.status},
                   {"reason", c.reason},
                   {"message", c.message},
                   {"lastTransitionTime", c.since},
                   {"observedGeneration", s.observed_generation}});
  return out;
}

json value_or_null(const std::string& value) {
  return value.empty() ? json{} : json(value);
}

json status_of(const request_status& s, request_shape shape, const std::string& name_space) {
  json out{{"phase", s.phase},
           {"profilingPhase", value_or_null(s.stage)},
           {"dgdName", value_or_null(s.deployment)},
           {"observedGeneration", s.observed_generation},
           {"conditions", conditions_of(s)},
           {"state", state_of(s)},
           {"backend", value_or_null(s.backend)}};
  const auto selected = s.selected.empty() ? json{} : json::parse(s.selected, nullptr, false);
  if (shape == request_shape::v1beta1) {
    out["profilingResults"] = selected.is_object() ? json{{"selectedConfig", selected}} : json{};
    out["deploymentInfo"] = s.created ? json{{"replicas", s.replicas}, {"availableReplicas", s.available}} : json{};
  } else {
    out["profilingResults"] = s.output_map.empty() ? json{} : json("configmap/" + s.output_map);
    out["generatedDeployment"] = selected.is_object() ? selected : json{};
  }
  out["deployment"] =
      s.created ? json{{"name", s.deployment}, {"namespace", name_space}, {"state", s.deployment_state}, {"created", true}}
                : json{};
  out["sextant"] = s.fingerprint.empty() ? json{}
                                         : json{{"fingerprint", s.fingerprint},
                                                {"outputConfigMap", value_or_null(s.output_map)},
                                                {"ttftMs", s.ttft_ms},
                                                {"itlMs", s.itl_ms}};
  return out;
}

/// What turns one object into another as a merge patch (RFC 7396): keys that are gone become null, lists are replaced.
json merge_patch(const json& was, const json& is) {
  json change = json::object();
  for (const auto& [key, value] : is.items())
    if (!was.contains(key))
      change[key] = value;
    else if (was[key] != value)
      change[key] = was[key].is_object() && value.is_object() ? merge_patch(was[key], value) : value;
  for (const auto& [key, value] : was.items())
    if (!is.contains(key))
      change[key] = nullptr;
  return change;
}

} // namespace

const condition* request_status::find(std::string_view type) const {
  const auto found = std::find_if(conditions.begin(), conditions.end(), [&](const condition& c) { return c.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

void request_status::set(std::string_view type, bool is, std::string_view reason, std::string_view message,
                         const std::string& now) {
  auto found = std::find_if(conditions.begin(), conditions.end(), [&](const condition& c) { return c.type == type; });
  if (found == conditions.end())
    found = conditions.insert(conditions.end(), condition{std::string{type}, {}, {}, {}, now});
  const std::string status = is ? "True" : "False";
  if (found->status != status)
    found->since = now;
  found->status = status;
  found->reason = reason;
  found->message = message.substr(0, longest_message);
}

request_status read_status(const std::string& object) {
  request_status s;
  const auto whole = json::parse(object, nullptr, false);
  const auto status = part(whole, "status");
  s.phase = text(status, "phase");
  if (s.phase.empty())
    s.phase = text(status, "state");
  s.stage = text(status, "profilingPhase");
  s.observed_generation = static_cast<int64_t>(number(status, "observedGeneration"));
  s.backend = text(status, "backend");
  s.deployment = text(status, "dgdName");
  const auto deployment = part(status, "deployment");
  s.deployment_state = text(deployment, "state");
  s.created = part(deployment, "created") == json(true);
  const auto info = part(status, "deploymentInfo");
  s.replicas = static_cast<int>(number(info, "replicas"));
  s.available = static_cast<int>(number(info, "availableReplicas"));
  const auto results = part(status, "profilingResults");
  for (const auto& selected : {part(results, "selectedConfig"), part(status, "generatedDeployment")})
    if (selected.is_object())
      s.selected = selected.dump();
  const auto own = part(status, "sextant");
  s.fingerprint = text(own, "fingerprint");
  s.output_map = text(own, "outputConfigMap");
  s.ttft_ms = number(own, "ttftMs");
  s.itl_ms = number(own, "itlMs");
  const auto conditions = part(status, "conditions");
  if (conditions.is_array())
    for (const auto& c : conditions)
      s.conditions.push_back(
          {text(c, "type"), text(c, "status"), text(c, "reason"), text(c, "message"), text(c, "lastTransitionTime")});
  return s;
}

std::string status_patch(const request_status& before, const request_status& after, request_shape shape,
                         const std::string& name_space) {
  const auto change = merge_patch(status_of(before, shape, name_space), status_of(after, shape, name_space));
  return change.empty() ? std::string{} : json{{"status", change}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace sextant::operating
