// objects.hpp: The objects that a request leaves in the cluster: its output, the deployment with its ConfigMaps, events.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/operator/decide.hpp"
#include "adapters/kubernetes/deployment_document.hpp"
#include "messages/profile.hpp"

namespace sextant::operating {

/// Bytes that the data of a ConfigMap may have; the server's limit is 1 MiB for the whole object.
inline constexpr size_t longest_map_bytes = 1'000'000;

/// An object to be created, JSON.
struct cluster_object {
  std::string name;
  std::string body;
};

/// Everything that a request deploys.
struct serving_objects {
  std::vector<cluster_object> maps; ///< before the deployment
  kubernetes::deployment_document deployment;
};

/// The name a request's deployment shall have: what its document says, else `{request}-dgd`.
std::string serving_name(const request_view& request, const profile_request& profile);

/// ConfigMap `dgdr-output-{request}`: both generations' keys, owned by the request, as `api_version`. Variants that are not
/// the request's own are left out when the whole would be too large; an error text if even that is too large.
std::optional<cluster_object> output_object(const request_view& request, const profile_request& profile,
                                            const profile_result& result, const std::string& api_version,
                                            std::string& error);

/// The documents of an answer as objects of the request's namespace: a multi-document YAML text with ConfigMaps and one
/// DynamoGraphDeployment. `taken` are names of ConfigMaps that belong to others: ours get another name, also where the
/// deployment mounts them.
std::optional<serving_objects> serving_objects_of(const request_view& request, const std::string& documents,
                                                  const std::string& name, const std::vector<std::string>& taken,
                                                  const std::vector<std::string>& served_versions, std::string& error);

/// The DynamoGraphDeployment of a stored output map, with its ConfigMaps, as the same YAML text; empty if it has none.
std::string documents_of_output(const std::string& output_map, const request_view& request);

/// Whether an object (JSON) was left by this request.
bool left_by(const std::string& object, const request_view& request);

/// An event about a request, `about_version` as its API version.
std::string event_object(const request_view& request, const happening& what, const std::string& about_version,
                         const std::string& now);

} // namespace sextant::operating
