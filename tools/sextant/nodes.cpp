// nodes.cpp: `sextant nodes`, `top`, `drain`: what the nodes of an installation are and do, and taking one out of work.
#include <cstdio>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <unistd.h>

#include "tools/sextant/clients.hpp"
#include "tools/sextant/node_views.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

/// Every node whose lease is held now.
std::optional<std::vector<node_alive>> read_nodes(bus& link, const subjects& names) {
  struct reading {
    std::mutex mutex;
    std::vector<node_alive> nodes;
    std::promise<void> complete;
  };
  auto shared = std::make_shared<reading>();
  auto complete = shared->complete.get_future();
  auto entries = link.follow_bucket(
      names.node_bucket(),
      [shared](bus_message m) {
        std::vector<codec_error> errors;
        auto e = decode_envelope(m.body, errors);
        auto node = e ? message_as<node_alive>(*e) : std::nullopt;
        const std::lock_guard guard{shared->mutex};
        if (!node)
          return;
        std::erase_if(shared->nodes, [&](const auto& x) { return x.node == node->node; });
        shared->nodes.push_back(std::move(*node));
      },
      [shared] { shared->complete.set_value(); });
  if (complete.wait_for(milliseconds{5000}) != std::future_status::ready) {
    fprintf(stderr, "%s: no answer: is there an installation at this server?\n", names.node_bucket().c_str());
    return std::nullopt;
  }
  const std::lock_guard guard{shared->mutex};
  return shared->nodes;
}

/// Points per minute over the last minute, from samples of how many were done.
class rate_of_points {
public:
  double add(const std::vector<request_summary>& requests) {
    int done = 0;
    for (const auto& r : requests)
      done += r.points_done;
    const auto now = clock::now();
    samples_.emplace_back(now, done);
    while (now - samples_.front().first > std::chrono::minutes{1})
      samples_.pop_front();
    const std::chrono::duration<double, std::ratio<60>> time = now - samples_.front().first;
    return samples_.size() < 2 ? -1 : (done - samples_.front().second) / time.count();
  }

private:
  std::deque<std::pair<clock::time_point, int>> samples_;
};

} // namespace

int run_nodes(const command_line& args) {
  auto link = client_link(args);
  auto nodes = link ? read_nodes(*link, subjects{args.value("prefix")}) : std::nullopt;
  if (!nodes)
    return exit_failed;
  if (args.flag("json"))
    printf("%s\n", nodes_json(*nodes, nullptr).c_str());
  else
    fputs(node_table(*nodes).c_str(), stdout);
  return exit_ok;
}

int run_top(const command_line& args) {
  auto link = client_link(args);
  if (!link)
    return exit_failed;
  const subjects names{args.value("prefix")};
  const bool live = isatty(STDOUT_FILENO) != 0 && !args.flag("json");
  event_queue queue;
  rate_of_points rate;
  for (;;) {
    const auto nodes = read_nodes(*link, names);
    if (!nodes)
      return exit_failed;
    const auto requests = ask_for_requests(*link, args).value_or(std::vector<request_summary>{});
    const auto per_minute = rate.add(requests);
    if (args.flag("json")) {
      printf("%s\n", nodes_json(*nodes, &requests).c_str());
      return exit_ok;
    }
    if (live || per_minute >= 0) { // a pipe gets one picture, with a rate in it
      printf("%s%s", live ? "\x1b[H\x1b[2J" : "", top_text(*nodes, requests, per_minute).c_str());
      fflush(stdout);
      if (!live)
        return exit_ok;
    }
    envelope none;
    if (queue.next(milliseconds{1000}, none) == wake::signal)
      return exit_ok;
  }
}

int run_drain(const command_line& args) {
  auto link = client_link(args);
  if (!link)
    return exit_failed;
  const auto& node = args.positionals[0];
  const char* what = args.flag("undo") ? "resume" : "drain";
  auto answer = ask(*link, subjects{args.value("prefix")}.node_command(node, what), "{}", args);
  auto now = answer ? message_as<node_alive>(*answer) : std::nullopt;
  if (!now)
    return exit_failed;
  if (!now->draining)
    printf("%s takes engines again\n", node.c_str());
  else
    printf("%s takes no more engines; %zu run on until they are not needed\n", node.c_str(), now->engines.size());
  return exit_ok;
}

} // namespace sextant
