// gpu_range.hpp: How many GPUs one engine may have, by the reference profiler's rules. Pure functions.
#pragma once

#include <string>

#include "messages/values.hpp"

namespace sextant {

/// Bytes of all weights: as given, else derived from shape and weight formats.
double weight_bytes_of(const model_facts& model);

/// Bytes per element of a weight format; 2 for an unknown one.
double weight_element_bytes(std::string_view format);

/// What is known before the range is set. Zero means: not given.
struct gpu_range_input {
  double weight_bytes = 0;
  double gpu_memory_bytes = 0;
  int gpu_gpus_per_node = 8; ///< of the GPU's node, from the catalogue or discovery
  bool is_moe = false;
  int min_gpus = 0;
  int max_gpus = 0;
  int gpus_per_node = 0;
  bool discover = true; ///< false: zeros get the reference's fixed defaults 1, 4 and 8
};

/// The range; `fits` is false when no number of GPUs is left.
struct gpu_range {
  int min_gpus = 1;
  int max_gpus = 1;
  int gpus_per_node = 8;
  bool fits = true;
};

/// Fills what was not given; values that were given are always kept.
gpu_range gpu_range_for(const gpu_range_input& input);

/// Largest tensor-parallel size that the AI Configurator's attention tables allow: four heads per GPU.
int largest_estimated_tp(int heads);

} // namespace sextant
