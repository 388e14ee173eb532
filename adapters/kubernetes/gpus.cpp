// gpus.cpp: GPUs by the labels that GPU Feature Discovery puts on nodes.
#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <tuple>

#include "adapters/kubernetes/cluster.hpp"

namespace sextant::kubernetes {

std::string system_of_product(const std::string& product) {
  std::string flat;
  for (const unsigned char c : product)
    if (c != '-' && c != ' ')
      flat += static_cast<char>(std::toupper(c));
  // The first name inside the product counts: GB200 before B200.
  static constexpr std::array<std::pair<std::string_view, const char*>, 6> known{{{"GB200", "gb200_sxm"},
                                                                                  {"H200", "h200_sxm"},
                                                                                  {"H100", "h100_sxm"},
                                                                                  {"B200", "b200_sxm"},
                                                                                  {"A100", "a100_sxm"},
                                                                                  {"L40S", "l40s"}}};
  for (const auto& [name, system] : known)
    if (flat.find(name) != std::string::npos)
      return system;
  return {};
}

gpu_inventory inventory_of(const std::vector<node_view>& nodes) {
  std::map<std::pair<std::string, int>, gpu_inventory> groups;
  for (const auto& node : nodes) {
    if (node.gpus <= 0 || !node.usable)
      continue;
    auto& group = groups[{node.product, node.memory_mib}];
    group.product = node.product;
    group.memory_mib = node.memory_mib;
    group.gpus_per_node = std::max(group.gpus_per_node, node.gpus);
    ++group.nodes;
    group.total += node.gpus;
  }
  gpu_inventory best;
  const auto rank = [](const gpu_inventory& g) { return std::tuple{g.gpus_per_node, g.memory_mib, g.total}; };
  for (const auto& [key, group] : groups)
    if (rank(group) > rank(best))
      best = group;
  best.system = system_of_product(best.product);
  return best;
}

gpu_inventory discover_gpus(api_client& client, std::string& error) {
  const auto answer = client.call({"list nodes", "GET", "/api/v1/nodes", {}, 10});
  if (!answer.ok) {
    error = answer.problem;
    return {};
  }
  std::vector<node_view> nodes;
  for (const auto& item : items_of(answer.body))
    if (auto node = read_node(item))
      nodes.push_back(std::move(*node));
  return inventory_of(nodes);
}

} // namespace sextant::kubernetes
