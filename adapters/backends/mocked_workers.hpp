// mocked_workers.hpp: The same deployment with Dynamo's mocker in place of its engines. Pure.
#pragma once

#include "adapters/backends/yaml_tree.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Whether the engines of a request are mockers: on a local host that is asked for them, for want of GPUs.
bool mocks_engines(const profile_request& request);

/// Lets every worker of a deployment run `dynamo.mocker` with those of its back end's arguments that the mocker knows under
/// a name of its own: model, role, batch and token limits, prefix cache, attention ranks. Everything else of the document
/// stays.
void mock_workers(yaml_tree& dgd, const profile_request& request);

} // namespace sextant
