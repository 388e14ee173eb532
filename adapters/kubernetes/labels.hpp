// labels.hpp: Names under which objects in a cluster are found: Sextant's own, and those of Dynamo's operator.
#pragma once

namespace sextant::kubernetes::labels {

inline constexpr const char* managed_by = "app.kubernetes.io/managed-by";
inline constexpr const char* manager = "sextant"; ///< value of that label

/// Who runs the engine: the same for every run of one installation, so that its next run finds what the last one left.
inline constexpr const char* session = "sextant.dev/session";
/// `{request}/{engine}#{attempt}`; an annotation, for labels may not hold such texts.
inline constexpr const char* engine = "sextant.dev/engine";

/// On pods, set by Dynamo's operator.
inline constexpr const char* deployment_name = "nvidia.com/dynamo-graph-deployment-name";
inline constexpr const char* component_type = "nvidia.com/dynamo-component-type";

} // namespace sextant::kubernetes::labels
