// api_client.hpp: Calls to an API server, with retries, and mirrors of its collections, in one loop of the calling thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "adapters/kubernetes/api_error.hpp"
#include "adapters/kubernetes/credentials.hpp"
#include "adapters/kubernetes/object_mirror.hpp"

namespace sextant::kubernetes {

/// What all clients of one cluster share.
struct cluster_link {
  explicit cluster_link(cluster_access access) : who(std::move(access)) {}

  credentials who;
  std::atomic<uint64_t> calls{0};     ///< requests sent, watches among them
  std::atomic<uint64_t> repeated{0};  ///< requests sent again after an error that passes
  std::atomic<uint64_t> bytes_in{0};  ///< of answers, on the wire
  std::atomic<uint64_t> bytes_out{0}; ///< of requests, on the wire
};

/// One request.
struct api_call {
  std::string asked; ///< in words, for errors: `create dynamographdeployments in namespace n`
  std::string method = "GET";
  std::string path;
  std::string body;       ///< JSON
  double patience_s = 90; ///< how long errors that may pass are waited out; 0 = one attempt
};

/// Its answer.
struct api_answer {
  bool ok = false;
  std::string body;
  api_error error;     ///< unless `ok`
  std::string problem; ///< the error in words, with what was asked
  int attempts = 0;
};

/// A client of one thread.
class api_client {
public:
  virtual ~api_client() = default;
  /// Blocks until there is an answer, the patience is over, or `cancelled` says so. Mirrors are kept up meanwhile.
  virtual api_answer call(const api_call& what) = 0;
  /// Keeps a mirror up to date during `turn` and `call`, until `unfollow`. The mirror must live as long.
  virtual void follow(object_mirror& mirror) = 0;
  virtual void unfollow(object_mirror& mirror) = 0;
  /// Handles what comes in for at most `wait_s`; returns early when a mirror changed.
  virtual void turn(double wait_s) = 0;
};

/// A client; `cancelled` is asked often and ends what blocks. Error text and nothing if the URL or the TLS settings are
/// unusable.
std::unique_ptr<api_client> make_api_client(std::shared_ptr<cluster_link> link, std::function<bool()> cancelled,
                                            std::string& error);

} // namespace sextant::kubernetes
