#include "tools/sextant/node_views.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "messages/codec.hpp"

namespace sextant {

namespace {

bool over(const request_summary& r) {
  return r.state == "finished" || r.state == "failed" || r.state == "cancelled";
}

template <class... Values>
std::string line(const char* format, Values... values) {
  char text[512];
  snprintf(text, sizeof text, format, values...);
  return text;
}

/// The engines that hold GPUs, as `request/engine#attempt`; those that do not answer yet in brackets.
std::string engines_of(const node_alive& node) {
  std::string text;
  for (const auto& x : node.engines) {
    if (x.gpus == 0)
      continue;
    const auto name = x.request + "/" + x.engine + "#" + std::to_string(x.attempt);
    text += (text.empty() ? "" : " ") + (x.ready ? name : "(" + name + ")");
  }
  return text.empty() ? "-" : text;
}

template <class T>
std::string json_list(const std::vector<T>& values) {
  std::string text;
  for (const auto& x : values)
    text += (text.empty() ? "" : ",") + encode_body(x);
  return "[" + text + "]";
}

} // namespace

pool_totals totals_of(const std::vector<node_alive>& nodes) {
  pool_totals sum;
  for (const auto& node : nodes) {
    ++sum.nodes;
    sum.draining += node.draining ? 1 : 0;
    sum.gpus += node.gpus;
    sum.gpus_used += node.gpus - node.gpus_free;
    for (const auto& x : node.engines)
      ++(x.ready ? sum.ready : x.gpus > 0 ? sum.starting : sum.waiting);
  }
  return sum;
}

std::string node_table(std::vector<node_alive> nodes) {
  std::sort(nodes.begin(), nodes.end(),
            [](const auto& a, const auto& b) { return std::tie(a.pool, a.node) < std::tie(b.pool, b.node); });
  auto text = line("%-24s %-12s %-10s %-10s %5s %5s %-8s %-8s %s\n", "NODE", "POOL", "HOST", "GPU", "GPUS", "FREE", "STATE",
                   "VERSION", "ENGINES");
  for (const auto& x : nodes)
    text += line("%-24s %-12s %-10s %-10s %5d %5d %-8s %-8s ", x.node.c_str(), x.pool.c_str(), x.host.c_str(),
                 x.gpu.empty() ? "any" : x.gpu.c_str(), x.gpus, x.gpus_free, x.draining ? "draining" : "ready",
                 x.version.c_str())
            + engines_of(x) + "\n";
  return text;
}

std::string open_request_table(const std::vector<request_summary>& requests) {
  std::string text;
  for (const auto& r : requests)
    if (!over(r))
      text += line("%-40s %-10s %-16s %7d  %s\n", r.id.c_str(), r.state.c_str(), r.stage.c_str(), r.points_done,
                   r.model.c_str());
  return text.empty() ? text : line("%-40s %-10s %-16s %7s  %s\n", "REQUEST", "STATE", "STAGE", "POINTS", "MODEL") + text;
}

std::string top_text(const std::vector<node_alive>& nodes, const std::vector<request_summary>& requests,
                     double points_per_minute) {
  const auto sum = totals_of(nodes);
  const auto waiting = std::count_if(requests.begin(), requests.end(), [](const auto& r) { return r.state == "waiting"; });
  const auto running = std::count_if(requests.begin(), requests.end(), [](const auto& r) { return r.state == "running"; });
  auto text = line("%d nodes (%d draining), %d of %d GPUs in use; engines: %d ready, %d starting, %d waiting\n", sum.nodes,
                   sum.draining, sum.gpus_used, sum.gpus, sum.ready, sum.starting, sum.waiting);
  text += line("%ld requests running, %ld waiting, %zu known", static_cast<long>(running), static_cast<long>(waiting),
               requests.size());
  text += points_per_minute < 0 ? "\n\n" : line("; %.0f points per minute\n\n", points_per_minute);
  text += node_table(nodes);
  const auto open = open_request_table(requests);
  return open.empty() ? text : text + "\n" + open;
}

std::string nodes_json(const std::vector<node_alive>& nodes, const std::vector<request_summary>* requests) {
  return "{\"nodes\":" + json_list(nodes) + (requests ? ",\"requests\":" + json_list(*requests) : "") + "}";
}

} // namespace sextant
