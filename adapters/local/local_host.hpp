// local_host.hpp: The host that runs deployments as processes of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/simulation/engine_host.hpp"

namespace sextant {

/// How the local host works.
struct local_settings {
  std::string python = "python3"; ///< of the environment that has Dynamo and the back end
  std::string directory;          ///< below it every engine gets a folder with its logs
  std::vector<int> gpus;          ///< ids that engines may lease, as in CUDA_VISIBLE_DEVICES
  bool interface_names = false;   ///< Dynamo takes names of network interfaces where later releases take addresses
  double grace_s = 10;            ///< from asking an engine to end to ending it by force
};

/// Runs every service of a deployment as a process of its own. Engines end with this object and with this process.
std::unique_ptr<engine_host> make_local_host(const local_settings& settings);

/// What a Python environment has.
struct dynamo_environment {
  std::string python;  ///< absolute path of the interpreter
  std::string version; ///< of ai-dynamo
};

/// Looks for Dynamo in an environment, by asking its interpreter. Blocks below a second. An error text, or nothing.
std::string find_dynamo(const std::string& python, const std::string& scratch_directory, dynamo_environment& found);

/// Whether that release wants the name of an interface for its response plane: those up to 1.4.
bool takes_interface_names(const dynamo_environment& environment);

} // namespace sextant
