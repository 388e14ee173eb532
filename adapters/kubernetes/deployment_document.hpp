// deployment_document.hpp: A DynamoGraphDeployment as it is sent to a cluster: name, labels, owner, version. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sextant::kubernetes {

/// The object that owns what Sextant creates: when it is deleted, the cluster deletes the rest.
struct owner_reference {
  std::string api_version, kind, name, uid;
};

/// Whose deployment it is.
struct deployment_identity {
  std::string session;    ///< value of the session label
  std::string engine;     ///< `{request}/{engine}#{attempt}`
  std::string name_space; ///< for documents that name none
  std::optional<owner_reference> owner;
};

/// A deployment ready to be created.
struct deployment_document {
  std::string name;
  std::string name_space;
  std::string collection; ///< path of the collection it belongs to
  std::string body;       ///< JSON
  bool mocked = false;    ///< its workers are Dynamo's mocker
};

/// Longest name that Grove makes of a deployment and its parts, characters.
inline constexpr size_t longest_combined_name = 45;

/// Name of the deployment of an engine: `base` cut so that it and its parts keep within the limit, and a hash of the key
/// that keeps attempts and sessions apart. `part` is the longest thing that will be added to it.
std::string deployment_name(const std::string& base, const std::string& key, size_t part);

/// The document for an engine's YAML. It keeps its own version if the cluster serves it; v1alpha1 becomes v1beta1 where
/// only that is served. Nothing and an error text if the YAML is malformed or its version is not served.
std::optional<deployment_document> make_deployment(const std::string& dgd, const deployment_identity& who,
                                                   const std::vector<std::string>& served_versions, std::string& error);

/// Labels and annotations of an object.
using object_marks = std::vector<std::pair<std::string, std::string>>;

/// A deployment that serves after a profile. It has the wanted name, cut with a hash where it and its parts would be too
/// long, and lives in `name_space` whatever the document says. Versions and errors as above.
std::optional<deployment_document> make_serving_deployment(const std::string& dgd, const std::string& name,
                                                           const std::string& name_space, const object_marks& labels,
                                                           const object_marks& annotations,
                                                           const std::vector<std::string>& served_versions,
                                                           std::string& error);

/// Path of a namespace's deployments in one API version.
std::string deployments_path(const std::string& version, const std::string& name_space);

} // namespace sextant::kubernetes
