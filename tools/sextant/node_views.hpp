// node_views.hpp: Nodes and requests of an installation as tables for people and as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/engine.hpp"
#include "messages/profile.hpp"

namespace sextant {

/// Sums over nodes: what `sextant top` shows first.
struct pool_totals {
  int nodes = 0;
  int draining = 0;
  int gpus = 0;
  int gpus_used = 0;
  int ready = 0;    ///< engines that answer requests
  int starting = 0; ///< engines that hold GPUs and do not answer yet
  int waiting = 0;  ///< engines that wait for GPUs on a node
};

pool_totals totals_of(const std::vector<node_alive>& nodes);

/// One line a node, ordered by pool and name, with a head line.
std::string node_table(std::vector<node_alive> nodes);

/// One line per request that is not over, oldest first, with a head line; empty without such requests.
std::string open_request_table(const std::vector<request_summary>& requests);

/// What `sextant top` shows. `points_per_minute` below 0 = not known yet.
std::string top_text(const std::vector<node_alive>& nodes, const std::vector<request_summary>& requests,
                     double points_per_minute);

/// `{"nodes": [node_alive...], "requests": [request_summary...]}`; only nodes if `requests` is null.
std::string nodes_json(const std::vector<node_alive>& nodes, const std::vector<request_summary>* requests);

} // namespace sextant
