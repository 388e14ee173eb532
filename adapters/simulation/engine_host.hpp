// engine_host.hpp: Where an engine runs. One interface for every kind of host (design section 6).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "messages/engine.hpp"

namespace sextant {

/// What a host tells about an engine once it answers requests.
struct hosted_engine {
  std::string endpoint;
  std::string served_model;
  int64_t kv_tokens = 0;
  std::string kv_source;
  double startup_s = 0; ///< engine seconds
  bool simulated = false;
  std::vector<std::string> log;
};

/// Runs engines for DEPLOYMENT. Functions may be called from any thread and return at once; callbacks arrive on a thread
/// of the host and must only hand on.
class engine_host {
public:
  using ready_handler = std::function<void(hosted_engine)>;
  using failed_handler = std::function<void(failure)>;

  virtual ~engine_host() = default;
  virtual std::string kind() const = 0;
  /// Starts an engine under a key that is unique in this process. Exactly one of `ready` and `failed` is called for the
  /// start; `failed` may be called later once more when a ready engine dies.
  virtual void apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) = 0;
  /// Ends an engine; `done` is called when its resources are free. Unknown keys are done at once.
  virtual void remove(const std::string& key, std::function<void()> done) = 0;
  /// Last lines the engine printed.
  virtual std::vector<std::string> log_tail(const std::string& key) = 0;
};

/// The simulated host: every engine an HTTP server on loopback with its own thread, or a `virtual:` endpoint.
std::unique_ptr<engine_host> make_simulated_host();

} // namespace sextant
