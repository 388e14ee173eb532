// placement.hpp: Which waiting engine starts next on the free GPUs. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace sextant {

/// A deployment that waits for GPUs, in order of arrival.
struct waiting_engine {
  int gpus = 1;
};

/// Index of the largest waiting engine that fits into `free_gpus` (the earliest among equals); nothing if none fits.
std::optional<size_t> next_to_start(const std::vector<waiting_engine>& waiting, int free_gpus);

} // namespace sextant
