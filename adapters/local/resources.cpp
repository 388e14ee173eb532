// resources.cpp: Leases of GPUs and ports.
#include "adapters/local/resources.hpp"

#include "adapters/process/descriptor.hpp"

namespace sextant::local {

namespace {

/// Dynamo reads the port of its system server as a signed number of 16 bits; and above 32,767 the kernel gives ports away
/// to connections.
constexpr int first_port = 20'000, last_port = 32'767;

} // namespace

std::optional<std::vector<int>> local_resources::lease(int count) {
  const std::lock_guard guard{mutex_};
  if (static_cast<int>(free_gpus_.size()) < count)
    return std::nullopt;
  std::vector<int> taken;
  for (int i = 0; i < count; ++i)
    taken.push_back(free_gpus_.extract(free_gpus_.begin()).value());
  return taken;
}

void local_resources::give_back(const std::vector<int>& gpus) {
  const std::lock_guard guard{mutex_};
  free_gpus_.insert(gpus.begin(), gpus.end());
}

uint16_t local_resources::port() {
  const std::lock_guard guard{mutex_};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<uint16_t>(std::uniform_int_distribution<int>{first_port, last_port}(random_));
    if (ports_.count(port) == 0 && port_is_free(port)) {
      ports_.insert(port);
      return port;
    }
  }
  return 0;
}

void local_resources::give_back(uint16_t port) {
  const std::lock_guard guard{mutex_};
  ports_.erase(port);
}

} // namespace sextant::local
