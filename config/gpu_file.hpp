// gpu_file.hpp: A GPU of one's own, described in a YAML file.
#pragma once

#include <string>
#include <string_view>

#include "messages/values.hpp"

namespace sextant {

/// Whether a GPU's name is a path of such a file: it ends in `.yaml` or `.yml`.
bool is_gpu_file(std::string_view name);

/// Reads a file with the fields of `gpu_facts` as keys, e.g. `memory_bandwidth: 4.8e12`. Required are name, memory_bytes,
/// memory_bandwidth (bytes/s) and bf16_flops (dense FLOP/s). `errors` gets everything that is wrong, "" if nothing is.
/// Read once: later calls answer the same. Null if anything is wrong. Thread-safe.
const gpu_facts* gpu_from_file(const std::string& path, std::string& errors);

} // namespace sextant
