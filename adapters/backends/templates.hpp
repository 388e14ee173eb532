// templates.hpp: Built-in disaggregated deployments, one per back end, and what each back end calls its parts.
#pragma once

#include <string>
#include <string_view>

#include "messages/request.hpp"

namespace sextant {

/// Names that differ from back end to back end.
struct backend_names {
  std::string_view prefill_service; ///< name of the prefill worker in a DGD without sub-component types
  std::string_view decode_service;
  std::string_view module;        ///< Python module of the worker
  std::string_view runtime_image; ///< image name without registry and tag
  std::string_view model_flag;    ///< flag that takes the model's path
};

/// Names of a back end.
const backend_names& names_of(backend_kind backend);

/// The built-in base deployment of a back end, YAML. Model and image are placeholders of the template's own.
std::string base_template(backend_kind backend, request_api api);

/// The built-in mocker deployment, YAML.
std::string mocker_template(request_api api);

/// An image of the same registry and tag with another name; digests are kept.
std::string sibling_image(std::string_view image, std::string_view name);

} // namespace sextant
