// modifiers.hpp: Changes to a DynamoGraphDeployment: model, image, cache, role conversion, mapping, prefill limits.
// Pure functions on documents (reference sheet, section 10). What is not asked to change stays as the user wrote it.
#pragma once

#include <string>
#include <string_view>

#include "adapters/backends/arguments.hpp"
#include "adapters/backends/yaml_tree.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Tokens of one forward pass that a prefill engine must take at once, per attention rank: no chunking up to this length.
constexpr int prefill_max_tokens = 32768;

/// Name of the service that plays a role: by `subComponentType`, else by the back end's default name. Empty if there is
/// none.
std::string service_name_of(const yaml_tree& dgd, backend_kind backend, phase role);
/// The service that plays a role, or nothing.
yaml_tree* service_of(yaml_tree& dgd, backend_kind backend, phase role);
/// The frontend service (`componentType: frontend`, else the name `Frontend`), or nothing.
yaml_tree* frontend_of(yaml_tree& dgd);

/// Arguments of a service's main container, in list or `sh -c` form, read and written back in the form they had.
argument_list arguments_of(const yaml_tree& service);
void set_arguments(yaml_tree& service, const argument_list& args);

void set_image(yaml_tree& dgd, const std::string& image);
/// Adds the model cache claim and mounts it into the frontend and both workers.
void set_model_cache(yaml_tree& dgd, const profile_request& request);
/// Path of the model for the engines: inside the claim if there is one, else the model's name.
std::string model_path(const profile_request& request);
void set_model(yaml_tree& dgd, const profile_request& request);

/// Leaves out planners: they would scale what is measured.
void drop_planner(yaml_tree& dgd);
/// Turns the disaggregated deployment into one aggregated worker under the decode service's name.
void convert_to_aggregated(yaml_tree& dgd, const profile_request& request, phase role);
/// Sets flags, GPUs and nodes of one worker for a mapping.
void set_mapping(yaml_tree& service, backend_kind backend, const mapping& layout, int gpus_per_node);
/// Limits batch and tokens of a prefill worker: one request per attention rank, whole prompts.
void set_prefill_limits(yaml_tree& service, backend_kind backend, const mapping& layout);
/// Sets how many tokens a worker takes in one step (chunked prefill).
void set_step_tokens(yaml_tree& service, backend_kind backend, int tokens, const mapping& layout);

} // namespace sextant
