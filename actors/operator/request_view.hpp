// request_view.hpp: What the operator reads from a DynamoGraphDeploymentRequest of either shape. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/operator/request_status.hpp"

namespace sextant::operating {

/// Names that the operator puts on objects or looks for there.
namespace marks {
inline constexpr const char* finalizer = "sextant.dev/profile";
inline constexpr const char* request_class = "sextant.dev/class";     ///< annotation: which operator serves the request
inline constexpr const char* request_options = "sextant.dev/options"; ///< annotation: options of `sextant profile`, JSON
inline constexpr const char* tracked_name = "dgdr.nvidia.com/name";
inline constexpr const char* tracked_namespace = "dgdr.nvidia.com/namespace";
inline constexpr const char* managed_by = "nvidia.com/managed-by";
inline constexpr const char* manager = "sextant";
inline constexpr const char* request_uid = "sextant.dev/request-uid"; ///< annotation of what a request left
} // namespace marks

/// One request as it stands in the cluster.
struct request_view {
  std::string name, name_space, uid;
  std::string version; ///< `resourceVersion`
  int64_t generation = 0;
  bool deleting = false;
  std::vector<std::string> finalizers;
  std::string request_class;
  std::map<std::string, std::string> options; ///< of the annotation
  std::string options_error;                  ///< why the annotation cannot be read

  request_shape shape = request_shape::v1alpha1;
  std::string backend;
  bool auto_apply = false;
  bool thorough = true;         ///< false: `rapid`, which the performance model answers
  bool names_gpu = false;       ///< the document says which GPU
  bool names_node_size = false; ///< ... and how many a node has
  std::string base_map, base_key;
  std::string cache_claim;
  double ttft_ms = 0, itl_ms = 0; ///< as written; 0: not written
  std::string document;           ///< the request for intake: JSON with the API version of its shape
  std::string fingerprint;        ///< of the spec without what changes no measurement: targets, `autoApply`
  request_status status;

  bool held() const; ///< by our finalizer
  /// Id of the profile: one for the whole life of the object.
  std::string request_id() const { return "dgdr-" + uid; }
  std::string output_map() const { return "dgdr-output-" + name; }
};

/// Reads an object, JSON; nothing if it has no name or uid.
std::optional<request_view> read_request_object(const std::string& object);

} // namespace sextant::operating
