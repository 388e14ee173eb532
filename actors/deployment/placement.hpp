// placement.hpp: Where and when a waiting engine starts. Pure: nodes and engines in, a decision out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sextant {

/// A deployment that waits for GPUs of this node, in order of arrival.
struct waiting_engine {
  int gpus = 1;
  int passed_over = 0; ///< engines that arrived later and were started before it
};

/// Engines that may overtake a waiting one. After that nothing starts before it: free GPUs are kept for it.
inline constexpr int patience = 8;

/// Index of the waiting engine that starts next on `free_gpus`: the largest that fits, the earliest among equals; nothing if
/// none fits, or if one that was passed over `patience` times does not fit yet.
std::optional<size_t> next_to_start(const std::vector<waiting_engine>& waiting, int free_gpus);

/// What a node says of itself, as far as placement needs it.
struct node_offer {
  std::string node;
  std::string gpu; ///< type of its GPUs; empty = any will do
  int gpus = 0;
  int free = 0;
  bool draining = false;
};

/// Where an engine belongs that was offered to a node.
enum class placement {
  here,      ///< start it, or let it wait here
  elsewhere, ///< another node has room now, or this one can never run it: hand the work back
  nowhere,   ///< no living node of the pool is large enough
};

/// Decides for the node `me` about an engine of `gpus` GPUs of type `gpu`. A node that has room keeps what it is offered;
/// one that has none leaves it to a node that has.
placement place(int gpus, const std::string& gpu, const std::string& me, const std::vector<node_offer>& nodes);

} // namespace sextant
