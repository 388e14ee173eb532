// cluster_host.hpp: The Kubernetes host that a command line asks for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/kubernetes/kubeconfig.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "config/command_line.hpp"
#include "messages/request.hpp"

namespace sextant {

/// The way to the cluster of `--kubeconfig`, else of KUBECONFIG, else of the pod this runs in, else of ~/.kube/config.
std::optional<kubernetes::cluster_access> cluster_access_from(const command_line& args, std::vector<document_error>& errors);

/// Opens the cluster of `--kubeconfig`, else of KUBECONFIG, else of the pod this runs in, else of ~/.kube/config; checks it,
/// and removes what earlier runs with the same results directory, and dead ones of others, left in the namespace. Nothing
/// and every error at once if it cannot work. `session` names the installation where its directory does not.
std::shared_ptr<engine_host> cluster_host_from(const command_line& args, const std::string& name_space,
                                               const std::string& directory, std::vector<document_error>& errors,
                                               const std::string& session = {});

} // namespace sextant
