// credentials.hpp: Credentials that change: tokens that rotate in a file, plug-ins whose answers expire. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/kubernetes/kubeconfig.hpp"

namespace sextant::kubernetes {

/// What a plug-in handed out.
struct exec_credential {
  std::string token;
  std::string certificate_pem, key_pem;
  std::optional<double> expires_s; ///< seconds since 1970; nothing = not said
};

/// Reads an ExecCredential as a plug-in prints it. Nothing and an error text without any secret if it is none.
std::optional<exec_credential> read_exec_credential(const std::string& text, std::string& error);

/// The input of a plug-in, for KUBERNETES_EXEC_INFO.
std::string exec_info(const exec_plugin& plugin);

/// What proves this client's identity at one moment.
struct identity {
  std::string token; ///< empty = none
  std::string certificate_pem, key_pem;
  uint64_t generation = 0; ///< changes with the content
};

/// The credentials of one way to an API server.
class credentials {
public:
  explicit credentials(cluster_access access) : access_(std::move(access)) {}

  const cluster_access& access() const { return access_; }
  /// What to send now. Reads the token file anew; runs the plug-in when its last answer is about to expire, which may take
  /// a minute. Nothing and an error text if there is nothing to send.
  std::optional<identity> current(std::string& error);
  /// The server did not accept what was handed out in this generation: it is not handed out again by a plug-in.
  void refused(uint64_t generation);

private:
  bool run_plugin(std::string& error);

  const cluster_access access_;
  std::mutex mutex_;
  identity now_;
  std::optional<exec_credential> handed_out_;
};

/// Runs a plug-in and returns what it printed; nothing and an error text if it cannot be run, fails, or takes longer than
/// `timeout_s`.
std::optional<std::string> run_exec_plugin(const exec_plugin& plugin, double timeout_s, std::string& error);

} // namespace sextant::kubernetes
