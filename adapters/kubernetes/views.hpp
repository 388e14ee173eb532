// views.hpp: What Sextant reads from pods, events, deployments and nodes. Pure; whatever is absent stays empty.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sextant::kubernetes {

/// How a container stands or stood.
struct container_state {
  enum class kinds { unknown, waiting, running, terminated } kind = kinds::unknown;
  std::string reason, message; ///< `ImagePullBackOff`, `CrashLoopBackOff`, `OOMKilled`, …
  int exit_code = 0;           ///< terminated only
};

/// One container of a pod, init containers among them.
struct container_view {
  std::string name;
  std::string image;
  bool ready = false;
  int restarts = 0;
  container_state now;
  container_state before; ///< last end
};

/// One pod.
struct pod_view {
  std::string name;
  std::string phase;           ///< `Pending`, `Running`, `Failed`, …
  std::string reason, message; ///< `Evicted`, `NodeLost`, …
  std::string ip;
  std::string component_type; ///< label of Dynamo's operator: `frontend`, `worker`, …
  bool deleting = false;
  bool ready = false;
  bool nominated = false;                        ///< room is being made for it
  std::string schedule_reason, schedule_message; ///< why it has no node; empty when it has one
  std::vector<container_view> containers;
};

/// One event.
struct event_view {
  std::string kind, object; ///< what it is about: kind and name
  std::string type;         ///< `Normal` or `Warning`
  std::string reason, message;
  int count = 1;
};

/// The status of a DynamoGraphDeployment.
struct deployment_view {
  std::string state; ///< `pending`, `successful`, `failed`, …
  bool ready = false;
  std::string reason, message; ///< of the Ready condition
  int replicas = 0;            ///< of all services, as wanted
  int available = 0;           ///< ... and as they are up
  std::string session, engine; ///< our labels
  std::string name;
  std::string created; ///< RFC 3339
  bool deleting = false;
};

/// GPUs of one node, by its labels.
struct node_view {
  std::string name;
  std::string product; ///< `NVIDIA-H100-80GB-HBM3`; empty if the label is missing
  int gpus = 0;
  int memory_mib = 0;
  bool usable = true; ///< ready, and not cordoned
};

/// Readers of one object, JSON. Nothing if the text is no object.
std::optional<pod_view> read_pod(const std::string& object);
std::optional<event_view> read_event(const std::string& object);
std::optional<deployment_view> read_deployment(const std::string& object);
std::optional<node_view> read_node(const std::string& object);

/// The objects of a list, JSON each; empty if the text is no list.
std::vector<std::string> items_of(const std::string& list);

} // namespace sextant::kubernetes
