#include "tools/sextant/cluster_host.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "adapters/kubernetes/cluster.hpp"
#include "adapters/kubernetes/kubernetes_host.hpp"
#include "messages/subjects.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

using namespace kubernetes;

constexpr double leftovers_wait_s = 120;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Paths of the kubeconfig files to read; none in a pod, unless one is named.
std::vector<std::string> kubeconfig_paths(const command_line& args) {
  if (args.has("kubeconfig"))
    return {args.value("kubeconfig")};
  std::vector<std::string> paths;
  const auto listed = variable("KUBECONFIG");
  for (size_t at = 0; at < listed.size();) {
    const auto end = std::min(listed.find(':', at), listed.size());
    if (auto path = listed.substr(at, end - at); !path.empty() && std::filesystem::exists(path))
      paths.push_back(std::move(path));
    at = end + 1;
  }
  if (paths.empty() && variable("KUBERNETES_SERVICE_HOST").empty())
    paths.push_back(variable("HOME") + "/.kube/config");
  return paths;
}

} // namespace

std::optional<cluster_access> cluster_access_from(const command_line& args, std::vector<document_error>& errors) {
  const auto paths = kubeconfig_paths(args);
  if (paths.empty())
    return in_cluster_access(variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"), read_text, errors);
  std::vector<kubeconfig_file> files;
  for (const auto& path : paths) {
    std::string error;
    if (auto text = read_text(path, error))
      files.push_back({std::filesystem::absolute(path).string(), std::move(*text)});
    else
      errors.push_back({"--kubeconfig", 0, 0, "", error, "a kubeconfig file", ""});
  }
  if (!errors.empty())
    return std::nullopt;
  return read_kubeconfig(files, args.value("kube-context"), read_text, errors);
}

namespace {

/// Equal for every run of the same installation: by the request that a cluster's operator runs this for, or by the place of
/// the results, which only one process can use at a time.
std::string session_of(const std::string& directory) {
  if (const auto uid = variable("DGDR_UID"); !uid.empty())
    return uid;
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return stable_hash(std::string{host} + ":" + directory).substr(0, 16);
}

/// The request that this runs for, as its operator tells it: when it is deleted, its deployments go with it.
std::optional<owner_reference> owner_from_environment(const std::string& name_space, const std::string& version) {
  const auto name = variable("DGDR_NAME"), uid = variable("DGDR_UID");
  if (name.empty() || uid.empty() || variable("DGDR_NAMESPACE") != name_space)
    return std::nullopt;
  return owner_reference{"nvidia.com/" + version, "DynamoGraphDeploymentRequest", name, uid};
}

/// Whether the holder of a lease is another process of this machine that is still there.
bool works_beside_us(const std::string& holder) {
  const auto own = own_holder_name();
  const auto slash = holder.rfind('/');
  if (slash == std::string::npos || holder == own || holder.substr(0, slash) != own.substr(0, own.rfind('/')))
    return false;
  const auto pid = std::atoi(holder.c_str() + slash + 1);
  return pid > 0 && kill(pid, 0) == 0;
}

} // namespace

std::shared_ptr<engine_host> cluster_host_from(const command_line& args, const std::string& name_space,
                                               const std::string& directory, std::vector<document_error>& errors,
                                               const std::string& session) {
  const auto access = cluster_access_from(args, errors);
  if (!access)
    return nullptr;
  const auto link = std::make_shared<cluster_link>(*access);
  std::string error;
  const auto client = make_api_client(
      link, [] { return false; }, error);
  if (!client) {
    errors.push_back({"--kubeconfig", 0, 0, "", error, "a usable API server", ""});
    return nullptr;
  }
  auto check = check_cluster(*client, name_space);
  errors = std::move(check.errors);
  if (!errors.empty())
    return nullptr;
  kubernetes_settings settings;
  settings.name_space = name_space;
  settings.session = session.empty() ? session_of(directory) : session;
  settings.versions = check.versions;
  settings.in_cluster = !variable("KUBERNETES_SERVICE_HOST").empty();
  settings.owner = owner_from_environment(name_space, check.versions.front());
  if (const auto holder = holder_of(*client, name_space, settings.session); works_beside_us(holder)) {
    errors.push_back({"--output-dir", 0, 0, "", directory + ", for which process " + holder + " runs engines in the cluster",
                      "a directory of its own for every process", ""});
    return nullptr;
  }
  for (const auto& name :
       remove_leftovers(*client, check.versions.front(), name_space, settings.session, leftovers_wait_s, error))
    fprintf(stderr, "removed %s, which an earlier run left in namespace %s\n", name.c_str(), name_space.c_str());
  if (!error.empty())
    spdlog::warn("leftovers: {}", error);
  return make_kubernetes_host(link, settings);
}

} // namespace sextant
