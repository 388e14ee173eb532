// newer_documents.hpp: Deployments of nvidia.com/v1beta1, read into the shape of v1alpha1 that everything here works on.
// Pure.
#pragma once

#include <string>

#include "adapters/backends/yaml_tree.hpp"

namespace sextant {

/// Turns `spec.components` into `spec.services`; documents without components stay as they are. False and an error text,
/// with the component's name or number, if one cannot be read. Where a cluster serves v1beta1 only, the host turns it back.
bool to_services(yaml_tree& dgd, std::string& error);

} // namespace sextant
