// places.hpp: Which result belongs into which folder of the output directory (reference sheet, section 8). Pure.
#pragma once

#include <string>
#include <string_view>

#include "messages/profile.hpp"

namespace sextant {

/// `prefill_4gpus_TP4`, from an engine id such as `prefill-TP4`.
std::string engine_folder(const std::string& engine);

/// Folder of the in-depth results of a phase.
std::string selected_folder(phase role);

/// The aggregated deployment that an estimate picked, where it did; the name is the reference profiler's.
inline constexpr std::string_view picked_deployment_file = "picked_dgd_config.yaml";

/// Folder of a point's AIPerf export, relative to the output directory.
std::string point_folder(const point_measured& point);

/// Folder of the export of the pass that filled the KV cache before it.
std::string warming_folder(const point_measured& point);

/// A name without anything that could leave the output directory.
std::string safe_name(const std::string& name);

} // namespace sextant
