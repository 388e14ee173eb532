#include "actors/deployment/placement.hpp"

namespace sextant {

std::optional<size_t> next_to_start(const std::vector<waiting_engine>& waiting, int free_gpus) {
  std::optional<size_t> best;
  for (size_t i = 0; i < waiting.size(); ++i)
    if (waiting[i].gpus <= free_gpus && (!best || waiting[i].gpus > waiting[*best].gpus))
      best = i;
  return best;
}

} // namespace sextant
