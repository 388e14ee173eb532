// request_status.hpp: What the operator tells of a DynamoGraphDeploymentRequest in its status. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sextant::operating {

/// How a request is written. Both versions of the CRD store the same object, so the shape tells, not the version.
enum class request_shape : uint8_t { v1alpha1, v1beta1 };

/// One condition of a status.
struct condition {
  std::string type;   ///< `Validation`, `Profiling`, `SpecGenerated`, `DeploymentReady`, `Succeeded`
  std::string status; ///< `True` or `False`
  std::string reason, message;
  std::string since; ///< RFC 3339; of the last change of `status`
};

/// Values of `phase`, in the order of a life that ends well.
namespace phases {
inline constexpr const char* pending = "Pending";
inline constexpr const char* profiling = "Profiling";
inline constexpr const char* ready = "Ready"; ///< the specification is there, nothing was deployed
inline constexpr const char* deploying = "Deploying";
inline constexpr const char* deployed = "Deployed";
inline constexpr const char* failed = "Failed";
} // namespace phases

/// Reason of the condition `DeploymentReady` when somebody deleted the deployment.
inline constexpr const char* deployment_deleted = "DeploymentDeleted";

/// A status in the words of v1beta1; those of v1alpha1 follow from it.
struct request_status {
  std::string phase; ///< empty: nobody looked at the request yet
  std::string stage; ///< sub-phase of Profiling: `Initializing`, `SweepingPrefill`, ...
  int64_t observed_generation = 0;
  std::string backend;
  std::string deployment;       ///< name of the DynamoGraphDeployment
  std::string deployment_state; ///< as its own operator tells it, or `Deleted`
  bool created = false;         ///< the deployment was made: it is not made again
  int replicas = 0, available = 0;
  std::string output_map;  ///< ConfigMap with the results
  std::string selected;    ///< the generated deployment, JSON; empty before
  std::string fingerprint; ///< of what was profiled (`request_view`)
  double ttft_ms = 0;      ///< the target that `selected` answers
  double itl_ms = 0;
  std::vector<condition> conditions;

  const condition* find(std::string_view type) const;
  /// Sets a condition; its time changes only with its status.
  void set(std::string_view type, bool is, std::string_view reason, std::string_view message, const std::string& now);
};

/// The status of an object, JSON; empty fields where there is none. Never fails: what is malformed counts as absent.
request_status read_status(const std::string& object);

/// A merge patch `{"status": ...}` that turns `before` into `after`; empty if they say the same.
std::string status_patch(const request_status& before, const request_status& after, request_shape shape,
                         const std::string& name_space);

} // namespace sextant::operating
