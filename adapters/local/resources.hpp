// resources.hpp: GPUs and ports that the engines of one host hold.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace sextant::local {

/// Leases of one host. Thread-safe.
class local_resources {
public:
  explicit local_resources(const std::vector<int>& gpus) : free_gpus_(gpus.begin(), gpus.end()) {}

  /// Takes that many GPUs, the lowest first; nothing if there are too few.
  std::optional<std::vector<int>> lease(int count);
  void give_back(const std::vector<int>& gpus);
  /// A port that no other engine of this host was given; 0 if there is none.
  uint16_t port();
  void give_back(uint16_t port);

private:
  std::mutex mutex_;
  std::set<int> free_gpus_;
  std::set<uint16_t> ports_;
  std::mt19937 random_{std::random_device{}()};
};

} // namespace sextant::local
