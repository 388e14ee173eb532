// cluster.cpp: Permissions, versions, leftovers.
#include "adapters/kubernetes/cluster.hpp"

#include <algorithm>
#include <chrono>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "adapters/kubernetes/deployment_document.hpp"
#include "adapters/kubernetes/labels.hpp"
#include "config/time_text.hpp"

namespace sextant::kubernetes {

namespace {

using nlohmann::json;

constexpr double preflight_patience_s = 10;
constexpr double young_s = 60; ///< a session this young may not have made its lease yet

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

api_call get(const std::string& asked, const std::string& path) {
  return {asked, "GET", path, {}, preflight_patience_s};
}

std::string answer_text(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>()
                                                                               : std::string{};
}

std::vector<std::string> versions_in(const std::string& group) {
  std::vector<std::string> out;
  const auto o = json::parse(group, nullptr, false);
  if (o.is_object() && o.contains("versions") && o["versions"].is_array())
    for (const auto& version : o["versions"])
      if (auto name = answer_text(version, "version"); !name.empty())
        out.push_back(name);
  return out;
}

/// Whether a version of nvidia.com has a resource.
bool serves(api_client& client, const std::string& version, const std::string& resource) {
  const auto answer = client.call(get("look at nvidia.com/" + version, "/apis/nvidia.com/" + version));
  const auto o = json::parse(answer.body, nullptr, false);
  if (!o.is_object() || !o.contains("resources") || !o["resources"].is_array())
    return false;
  return std::any_of(o["resources"].begin(), o["resources"].end(),
                     [&](const json& r) { return answer_text(r, "name") == resource; });
}

/// Whether a permission is granted; nothing and an error if that cannot be found out.
std::optional<bool> allowed(api_client& client, const permission& p, const std::string& name_space, std::string& error) {
  const json review{{"apiVersion", "authorization.k8s.io/v1"},
                    {"kind", "SelfSubjectAccessReview"},
                    {"spec",
                     {{"resourceAttributes",
                       {{"namespace", name_space},
                        {"verb", p.verb},
                        {"group", p.group},
                        {"resource", p.resource},
                        {"subresource", p.subresource}}}}}};
  const auto answer =
      client.call({"ask for permission to " + p.text(), "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                   review.dump(), preflight_patience_s});
  if (!answer.ok) {
    error = answer.problem;
    return std::nullopt;
  }
  const auto o = json::parse(answer.body, nullptr, false);
  return o.is_object() && o.contains("status") && o["status"].value("allowed", false);
}

std::vector<session_lease> leases_in(const std::string& list) {
  std::vector<session_lease> out;
  for (const auto& item : items_of(list)) {
    const auto o = json::parse(item, nullptr, false);
    if (!o.is_object() || !o.contains("spec") || !o.contains("metadata"))
      continue;
    session_lease lease;
    lease.session = answer_text(o["metadata"].value("labels", json::object()), labels::session);
    lease.holder = answer_text(o["spec"], "holderIdentity");
    lease.renewed_s = seconds_of(answer_text(o["spec"], "renewTime")).value_or(0);
    lease.lasts_s = o["spec"].value("leaseDurationSeconds", 0);
    out.push_back(std::move(lease));
  }
  return out;
}

/// Whether deployments of these names, or pods of theirs, are still there.
bool any_left(api_client& client, const std::string& version, const std::string& name_space,
              const std::vector<std::string>& names, std::string& error) {
  for (const auto& name : names) {
    const auto object = client.call(get("get deployment " + name, deployments_path(version, name_space) + "/" + name));
    if (object.ok)
      return true;
    if (object.error.status != 404) {
      error = object.problem;
      return false;
    }
    const auto pods = client.call(
        get("list pods in namespace " + name_space, "/api/v1/namespaces/" + name_space + "/pods?labelSelector="
                                                        + query_value(std::string{labels::deployment_name} + "=" + name)));
    if (pods.ok && !items_of(pods.body).empty())
      return true;
  }
  return false;
}

} // namespace

std::string permission::text() const {
  return verb + " " + resource + (subresource.empty() ? "" : "/" + subresource) + (group.empty() ? "" : "." + group);
}

const std::vector<permission>& needed_permissions() {
  static const std::vector<permission> all{{"create", "nvidia.com", "dynamographdeployments", ""},
                                           {"get", "nvidia.com", "dynamographdeployments", ""},
                                           {"list", "nvidia.com", "dynamographdeployments", ""},
                                           {"watch", "nvidia.com", "dynamographdeployments", ""},
                                           {"delete", "nvidia.com", "dynamographdeployments", ""},
                                           {"list", "", "pods", ""},
                                           {"watch", "", "pods", ""},
                                           {"get", "", "pods", "log"}};
  return all;
}

const std::vector<permission>& operator_permissions() {
  static const std::vector<permission> all{{"get", "nvidia.com", "dynamographdeploymentrequests", ""},
                                           {"list", "nvidia.com", "dynamographdeploymentrequests", ""},
                                           {"watch", "nvidia.com", "dynamographdeploymentrequests", ""},
                                           {"patch", "nvidia.com", "dynamographdeploymentrequests", ""},
                                           {"patch", "nvidia.com", "dynamographdeploymentrequests", "status"},
                                           {"create", "nvidia.com", "dynamographdeployments", ""},
                                           {"get", "nvidia.com", "dynamographdeployments", ""},
                                           {"list", "nvidia.com", "dynamographdeployments", ""},
                                           {"watch", "nvidia.com", "dynamographdeployments", ""},
                                           {"get", "", "configmaps", ""},
                                           {"create", "", "configmaps", ""},
                                           {"update", "", "configmaps", ""},
                                           {"get", "", "persistentvolumeclaims", ""},
                                           {"create", "", "events", ""},
                                           {"get", "coordination.k8s.io", "leases", ""},
                                           {"create", "coordination.k8s.io", "leases", ""},
                                           {"update", "coordination.k8s.io", "leases", ""}};
  return all;
}

cluster_check check_cluster(api_client& client, const std::string& name_space, const std::string& resource,
                            const std::vector<permission>& needed) {
  cluster_check out;
  const auto refuse = [&](const char* place, const std::string& found, const std::string& accepted,
                          const std::string& hint) {
    out.errors.push_back({place, 0, 0, "", found, accepted, hint});
  };
  const auto group = client.call(get("look for Dynamo (nvidia.com)", "/apis/nvidia.com"));
  if (!group.ok && group.error.status != 404) { // the rest would say the same
    refuse("--kubeconfig", group.problem, "an API server that answers and accepts these credentials", "");
    return out;
  }
  for (const auto& version : versions_in(group.body))
    if (serves(client, version, resource))
      out.versions.push_back(version);
  if (out.versions.empty()) {
    const bool requests = resource == "dynamographdeploymentrequests";
    refuse("--kubeconfig", "a cluster without " + resource + ".nvidia.com", "a cluster with this resource",
           requests ? "kubectl apply -f deploy/kubernetes/crd.yaml" : "install the Dynamo platform and its CRDs");
  }
  const auto space = client.call(get("get namespace " + name_space, "/api/v1/namespaces/" + name_space));
  if (space.error.status == 404)
    refuse("--namespace", "\"" + name_space + "\", which the cluster does not have", "a namespace that exists", "");
  for (const auto& p : needed) {
    std::string error;
    const auto granted = allowed(client, p, name_space, error);
    if (granted && !*granted)
      refuse("--namespace", "no permission to " + p.text() + " in namespace " + name_space,
             "an account with that permission", "deploy/kubernetes/rbac.yaml grants it");
  }
  return out;
}

std::string holder_of(api_client& client, const std::string& name_space, const std::string& session) {
  const auto list =
      client.call(get("list leases", "/apis/coordination.k8s.io/v1/namespaces/" + name_space + "/leases?labelSelector="
                                         + query_value(std::string{labels::session} + "=" + session)));
  for (const auto& lease : leases_in(list.body))
    if (now_s() <= lease.renewed_s + lease.lasts_s)
      return lease.holder;
  return {};
}

std::string own_holder_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return std::string{host} + "/" + std::to_string(getpid());
}

std::vector<deployment_view> leftovers(const std::vector<deployment_view>& deployments,
                                       const std::vector<session_lease>& leases, bool leases_known, const std::string& own,
                                       double now) {
  std::vector<deployment_view> out;
  for (const auto& d : deployments) {
    if (d.session.empty())
      continue;
    if (d.session == own) {
      out.push_back(d);
      continue;
    }
    const auto created = seconds_of(d.created);
    const bool alive = std::any_of(leases.begin(), leases.end(), [&](const session_lease& lease) {
      return lease.session == d.session && now <= lease.renewed_s + lease.lasts_s;
    });
    if (leases_known && !alive && created && now - *created > young_s)
      out.push_back(d);
  }
  return out;
}

std::vector<std::string> remove_leftovers(api_client& client, const std::string& version, const std::string& name_space,
                                          const std::string& own_session, double wait_s, std::string& error) {
  const auto selector = "?labelSelector=" + query_value(std::string{labels::managed_by} + "=" + labels::manager);
  const auto list = client.call(
      get("list dynamographdeployments in namespace " + name_space, deployments_path(version, name_space) + selector));
  if (!list.ok) {
    error = list.problem;
    return {};
  }
  const auto leases =
      client.call(get("list leases", "/apis/coordination.k8s.io/v1/namespaces/" + name_space + "/leases" + selector));
  std::vector<deployment_view> all;
  for (const auto& item : items_of(list.body))
    if (auto view = read_deployment(item))
      all.push_back(std::move(*view));
  std::vector<std::string> names;
  for (const auto& d : leftovers(all, leases_in(leases.body), leases.ok, own_session, now_s())) {
    const auto gone = client.call({"delete deployment " + d.name,
                                   "DELETE",
                                   deployments_path(version, name_space) + "/" + d.name,
                                   {},
                                   preflight_patience_s});
    if (gone.ok || gone.error.status == 404)
      names.push_back(d.name);
    else
      error = gone.problem;
  }
  const auto until = now_s() + wait_s;
  while (!names.empty() && error.empty() && any_left(client, version, name_space, names, error)) {
    if (now_s() > until)
      error = "what earlier runs left is still there after " + std::to_string(static_cast<int>(wait_s)) + " s";
    else
      client.turn(0.3);
  }
  return names;
}

} // namespace sextant::kubernetes
