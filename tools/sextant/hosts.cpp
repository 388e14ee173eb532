// hosts.cpp: Hosts by their kind.
#include "tools/sextant/hosts.hpp"

#include <numeric>

#include "adapters/local/local_host.hpp"
#include "tools/sextant/cluster_host.hpp"

namespace sextant {

namespace {

std::shared_ptr<engine_host> local_host_from(const command_line& args, const std::string& directory, int gpus,
                                             std::vector<document_error>& errors) {
  dynamo_environment environment;
  if (const auto error = find_dynamo(args.value("python"), directory + "/engines", environment); !error.empty()) {
    errors.push_back({"--python", 0, 0, "", error, "an interpreter whose environment has ai-dynamo",
                      "pip install ai-dynamo into a virtual environment and name its bin/python"});
    return nullptr;
  }
  local_settings settings;
  settings.python = environment.python;
  settings.interface_names = takes_interface_names(environment);
  settings.directory = directory + "/engines";
  settings.gpus.resize(static_cast<size_t>(gpus));
  std::iota(settings.gpus.begin(), settings.gpus.end(), 0);
  return make_local_host(settings);
}

} // namespace

std::shared_ptr<engine_host> make_host(const std::string& kind, const command_line& args, const std::string& directory,
                                       int gpus, const std::string& name_space, std::vector<document_error>& errors) {
  if (kind == "local")
    return local_host_from(args, directory, gpus, errors);
  if (kind == "kubernetes")
    return cluster_host_from(args, name_space, directory, errors);
  return make_simulated_host();
}

} // namespace sextant
