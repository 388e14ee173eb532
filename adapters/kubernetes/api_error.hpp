// api_error.hpp: What an API server answers when it does not do what was asked, and whether asking again may help. Pure.
#pragma once

#include <optional>
#include <string>

#include "adapters/http/client.hpp"
#include "messages/failure.hpp"

namespace sextant::kubernetes {

/// A call that did not succeed.
struct api_error {
  int status = 0;      ///< of HTTP; 0 = there was no whole answer
  std::string reason;  ///< of the Status object: `Forbidden`, `NotFound`, `AlreadyExists`, `Expired`; else empty
  std::string message; ///< the server's own words, or what was seen of the connection
  double retry_after_s = 0;
  bool untrusted = false; ///< the server's certificate or TLS itself was refused: no attempt helps
};

/// Whether an exchange did what was asked.
bool succeeded(const http_outcome& outcome);

/// The error of an exchange that did not succeed.
api_error error_of(const http_outcome& outcome);

/// The error in a Status object, e.g. of an ERROR event; nothing if the text is no failure.
std::optional<api_error> error_in(const std::string& status_object);

/// Seconds to wait before asking again after `attempt` attempts (1-based); nothing if it would not help. Only 429, 5xx and
/// lost connections pass by themselves. `random` in [0, 1) spreads clients.
std::optional<double> pause_before_retry(const api_error& error, int attempt, double random);

/// `create dynamographdeployments.nvidia.com in namespace n: the server's words`. A missing permission is named by its
/// verb and resource, with what would grant it.
std::string error_text(const api_error& error, const std::string& asked);

/// The failure of an engine whose call was refused: what the server refuses for good is permanent.
failure failure_of(const api_error& error, const std::string& asked);

} // namespace sextant::kubernetes
