// output_configmap.hpp: ConfigMap `dgdr-output-<name>`, through which an operator takes the result over. Pure.
#pragma once

#include <string>

#include "messages/request.hpp"

namespace sextant {

/// The texts that go into the ConfigMap.
struct output_texts {
  std::string config;        ///< `config_with_planner.yaml`
  std::string mocker_config; ///< `mocker_config_with_planner.yaml`
  std::string status;        ///< `profiler_status.yaml`
  std::string message;       ///< one line for people
};

/// YAML of the ConfigMap. The v1beta1 generation also finds `final_config.yaml`, `phase` and `profiler_status`.
std::string output_configmap(const profile_request& request, const output_texts& texts);

/// Name of the request's object in the cluster.
std::string object_name(const profile_request& request);

} // namespace sextant
