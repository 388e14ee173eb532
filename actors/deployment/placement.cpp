#include "actors/deployment/placement.hpp"

#include <algorithm>

namespace sextant {

namespace {

bool can_run(const node_offer& node, int gpus, const std::string& gpu) {
  return !node.draining && node.gpus >= gpus && (node.gpu.empty() || gpu.empty() || node.gpu == gpu);
}

} // namespace

std::optional<size_t> next_to_start(const std::vector<waiting_engine>& waiting, int free_gpus) {
  const auto first_of_its_turn =
      std::find_if(waiting.begin(), waiting.end(), [](const waiting_engine& x) { return x.passed_over >= patience; });
  if (first_of_its_turn != waiting.end()) {
    if (first_of_its_turn->gpus > free_gpus)
      return std::nullopt;
    return static_cast<size_t>(first_of_its_turn - waiting.begin());
  }
  std::optional<size_t> best;
  for (size_t i = 0; i < waiting.size(); ++i)
    if (waiting[i].gpus <= free_gpus && (!best || waiting[i].gpus > waiting[*best].gpus))
      best = i;
  return best;
}

placement place(int gpus, const std::string& gpu, const std::string& me, const std::vector<node_offer>& nodes) {
  bool possible = false, here_possible = false, here_free = false, elsewhere_free = false;
  for (const auto& node : nodes) {
    if (!can_run(node, gpus, gpu))
      continue;
    possible = true;
    auto& free = node.node == me ? here_free : elsewhere_free;
    free = free || node.free >= gpus;
    here_possible = here_possible || node.node == me;
  }
  if (!possible)
    return placement::nowhere;
  if (here_free || (here_possible && !elsewhere_free))
    return placement::here;
  return placement::elsewhere;
}

} // namespace sextant
