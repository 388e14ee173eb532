// cluster.hpp: A cluster as a whole: whether it can be worked with, its GPUs, what dead sessions left in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/kubernetes/api_client.hpp"
#include "adapters/kubernetes/views.hpp"

namespace sextant::kubernetes {

/// Something that the host must be allowed to do in its namespace.
struct permission {
  std::string verb, group, resource;
  std::string subresource;

  /// `create dynamographdeployments.nvidia.com`, `get pods/log`
  std::string text() const;
};

/// Everything that the host does in its namespace; deploy/kubernetes/rbac.yaml grants exactly this.
const std::vector<permission>& needed_permissions();

/// Everything that the operator does in its namespace beside what the host does.
const std::vector<permission>& operator_permissions();

/// What was found out about a cluster before anything is created.
struct cluster_check {
  std::vector<std::string> versions;  ///< in which the resource is served, preferred first
  std::vector<document_error> errors; ///< everything that is wrong, at once
};

/// Asks whether the server answers, it serves a resource of nvidia.com, the namespace is there, and every permission is
/// granted. Errors name `--kubeconfig` or `--namespace` as their place.
cluster_check check_cluster(api_client& client, const std::string& name_space,
                            const std::string& resource = "dynamographdeployments",
                            const std::vector<permission>& needed = needed_permissions());

/// A session that says it is alive, from its Lease.
struct session_lease {
  std::string session;
  std::string holder;   ///< `{host}/{process id}`
  double renewed_s = 0; ///< seconds since 1970
  double lasts_s = 0;
};

/// Deployments that nobody owns any more: those of `own` (this process has just started), and those of sessions whose lease
/// is over or missing though they have had a minute to make one. Without `leases_known` only the former. Pure.
std::vector<deployment_view> leftovers(const std::vector<deployment_view>& deployments,
                                       const std::vector<session_lease>& leases, bool leases_known, const std::string& own,
                                       double now_s);

/// Removes the leftovers of a namespace and waits until they and their pods are gone, at most `wait_s`. Returns their names;
/// `error` says what did not work.
std::vector<std::string> remove_leftovers(api_client& client, const std::string& version, const std::string& name_space,
                                          const std::string& own_session, double wait_s, std::string& error);

/// The process that holds a session's lease at this moment, `{host}/{process id}`; empty if the lease is over, or unknown.
std::string holder_of(api_client& client, const std::string& name_space, const std::string& session);

/// `{host}/{process id}` of this process.
std::string own_holder_name();

/// Keeps the Lease of a session alive from a thread of its own, and removes it at the end. Where leases are not permitted
/// it does nothing more than say so once in the log.
class session_keeper {
public:
  static std::unique_ptr<session_keeper> start(std::shared_ptr<cluster_link> link, const std::string& name_space,
                                               const std::string& session);
  virtual ~session_keeper() = default;
};

/// The GPUs that engines of one kind can use.
struct gpu_inventory {
  std::string product; ///< as the nodes' labels have it
  std::string system;  ///< `h100_sxm`; empty if the product is not known
  int memory_mib = 0;
  int gpus_per_node = 0; ///< of the largest node
  int nodes = 0;
  int total = 0;
};

/// The group of equal nodes (product and memory) with the most GPUs a node, then the most memory, then the most GPUs; empty
/// if no usable node has GPUs. Pure.
gpu_inventory inventory_of(const std::vector<node_view>& nodes);

/// GPUs by the labels of the nodes, where listing nodes is permitted; else an error text.
gpu_inventory discover_gpus(api_client& client, std::string& error);

/// Name of the GPU system for a product label, e.g. `h200_sxm` for `NVIDIA-H200`; empty if unknown.
std::string system_of_product(const std::string& product);

} // namespace sextant::kubernetes
