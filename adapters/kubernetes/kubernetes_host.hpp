// kubernetes_host.hpp: The host that runs deployments in a cluster with Dynamo's operator.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/kubernetes/api_client.hpp"
#include "adapters/kubernetes/deployment_document.hpp"
#include "adapters/simulation/engine_host.hpp"

namespace sextant {

/// How the host works in a cluster.
struct kubernetes_settings {
  std::string name_space;            ///< of deployments that name none
  std::string session;               ///< value of the session label; the same in the next run of this installation
  std::vector<std::string> versions; ///< of nvidia.com that the cluster serves
  std::optional<kubernetes::owner_reference> owner;
  bool in_cluster = true;      ///< the cluster's names resolve here; else they are asked last
  double gone_timeout_s = 600; ///< how long a removed deployment's pods are waited for
};

/// Creates the deployment of every engine, waits for it with watches, tells doomed ones within seconds, and removes it with
/// its pods. Leftovers of earlier runs must be gone already. Engines end with this object.
std::unique_ptr<engine_host> make_kubernetes_host(std::shared_ptr<kubernetes::cluster_link> link,
                                                  const kubernetes_settings& settings);

} // namespace sextant
