// simulated_node.hpp: The GPUs of a simulated node and the engines on them, in virtual time. It keeps the books: who takes
// more GPUs than there are is found out.
#pragma once

#include <map>
#include <random>

#include "adapters/nats/simulated_network.hpp"
#include "adapters/simulation/engine_host.hpp"

namespace sextant::chaos {

/// A node: outlives the processes that run on it, and counts the GPUs of all of them together.
struct node_books {
  std::string name;
  int gpus = 0;
  int in_use = 0;
  int most_in_use = 0;
  int starts = 0;
};

/// The engine host of one process on a node. Engines end with their process.
class simulated_node final : public engine_host {
public:
  simulated_node(simulated_network& network, std::mt19937_64& random, node_books& books)
      : network_(network), random_(random), books_(books) {}

  std::string kind() const override { return "simulated"; }
  void apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) override;
  void remove(const std::string& key, std::function<void()> done) override;
  std::vector<std::string> log_tail(const std::string&) override { return {}; }

  /// An engine dies by itself; false if there is none that answers.
  bool crash_one();
  /// The process is gone and its engines with it.
  void die();

private:
  struct life {
    deploy_engine what;
    ready_handler ready;
    failed_handler failed;
    bool answers = false;
    bool ending = false;
  };
  void become_ready(const std::shared_ptr<life>& engine);

  simulated_network& network_;
  std::mt19937_64& random_;
  node_books& books_;
  std::map<std::string, std::shared_ptr<life>> engines_;
};

} // namespace sextant::chaos
