// decide.hpp: What the operator does next for a request, and what every happening makes of its status. Pure.
#pragma once

#include <string>
#include <vector>

#include "actors/operator/request_view.hpp"
#include "adapters/kubernetes/views.hpp"

namespace sextant::operating {

/// Where the profile of a request stands, as far as this process knows.
struct profile_news {
  enum class states {
    none,     ///< nothing was submitted by this process
    running,  ///< submitted, not over
    finished, ///< there is an answer
    failed,   ///< there will be none; `error` says why
  } state = states::none;
  std::string stage; ///< sub-phase
  std::string text;  ///< one line for people
  std::string error;
};

/// What is to be done for a request. One thing at a time: its outcome changes the status, and then the question is asked
/// again.
enum class step : uint8_t {
  nothing,
  admit,         ///< look whether it is valid
  hold,          ///< put our finalizer on it, so that nothing of it is left when it goes
  start_profile, ///< submit it; the same again after a restart, for the same id is the same request
  tell_progress, ///< its profile moved
  write_outputs, ///< its profile has an answer
  give_up,       ///< its profile has none
  pick_again,    ///< the target changed after the answer
  reject_change, ///< the specification changed where it may not
  deploy,        ///< create the deployment
  follow_deployment,
  cancel_profile,
  let_go, ///< take the finalizer off
};

/// Whose requests this operator serves.
struct jurisdiction {
  std::string request_class; ///< requests with this annotation; empty: those without
};

/// Whether another operator works on the request: another class, or a status that is not ours.
bool foreign(const request_view& request, const jurisdiction& ours);

/// The next step. `may_start`: there is room for one more profile.
step next_step(const request_view& request, const profile_news& profile, bool may_start);

/// An event that people see with `kubectl describe`.
struct happening {
  bool warning = false;
  std::string reason, message;
};

/// A new status, and what is told of it.
struct change {
  request_status status;
  std::vector<happening> events;
};

/// An answer as it goes into the cluster.
struct generated_spec {
  std::string deployment; ///< name of the DynamoGraphDeployment
  std::string selected;   ///< JSON
  std::string message;    ///< what the profile says of it
};

change admitted(const request_view& request, const std::string& now);
change refused(const request_view& request, const std::string& errors, const std::string& now);
change profile_started(const request_view& request, const std::string& now);
change profile_moved(const request_view& request, const profile_news& news, const std::string& now);
change given_up(const request_view& request, const std::string& error, const std::string& now);
change spec_generated(const request_view& request, const generated_spec& spec, const std::string& now);
change generation_failed(const request_view& request, const std::string& error, const std::string& now);
change change_rejected(const request_view& request, const std::string& why);
change deployment_made(const request_view& request, const std::string& now);
change deployment_refused(const request_view& request, const std::string& error, const std::string& now);
/// What became of a deployment that was made; `deployment` is null when it is gone.
change deployment_seen(const request_view& request, const kubernetes::deployment_view* deployment, const std::string& now);

} // namespace sextant::operating
