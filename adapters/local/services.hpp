// services.hpp: What a DynamoGraphDeployment means on one machine: which processes, with which arguments and surroundings.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/values.hpp"

namespace sextant::local {

/// One process of a deployment, as the document asks for it.
struct service_process {
  std::string name; ///< `Frontend`, `VllmDecodeWorker-0`; unique within the deployment
  bool frontend = false;
  std::optional<phase> role;          ///< of a worker with a `subComponentType`
  std::vector<std::string> arguments; ///< the program first
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory; ///< as in the container; may not exist here
  int gpus = 0;
  bool mocked = false; ///< runs `dynamo.mocker`
  bool shell = false;  ///< the last argument is a script

  /// Value of a flag, in list or script form.
  std::optional<std::string> value(std::string_view flag) const;
  bool has(std::string_view flag) const;
  void set(std::string_view flag, std::string_view value);
};

/// A whole deployment, frontend first.
struct service_plan {
  std::vector<service_process> processes;
  std::string served_model; ///< name that requests must use
  std::string model_path;   ///< where its workers load it from: a directory or a name of the hub
  int gpus = 0;
  bool mocked = false;        ///< a worker is a mocker
  bool disaggregated = false; ///< prefill and decode workers apart
};

/// Reads a deployment (shape of nvidia.com/v1alpha1). The planner and what else only a cluster has is left out. Nothing and
/// an error text if the document is malformed, has no worker, or needs several nodes.
std::optional<service_plan> plan_services(const std::string& dgd, backend_kind backend, std::string& error);

/// What the host gives to the processes of one engine.
struct engine_place {
  std::string python;     ///< interpreter of the environment that has Dynamo
  std::string directory;  ///< of this engine alone: logs, discovery
  std::string loopback;   ///< what 1.5 and later call the response plane's host; an interface name before
  uint16_t http_port = 0; ///< of the frontend
  bool offline = false;   ///< models are on disk: nothing may be looked up on the hub
};

/// What the host gives to one process.
struct process_place {
  std::vector<int> gpus;
  uint16_t system_port = 0;    ///< metrics of a worker
  uint16_t bootstrap_port = 0; ///< where prefill and decode workers meet
  uint16_t transfer_port = 0;  ///< of the KV cache's transfer
};

/// Puts a process into its place: interpreter, ports, discovery by files, everything on loopback, GPUs.
void settle(service_process& process, const engine_place& engine, const process_place& place);

} // namespace sextant::local
