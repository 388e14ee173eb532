// verdict.hpp: Deployments that will never be ready, seen from their pods and events. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/kubernetes/views.hpp"
#include "messages/failure.hpp"

namespace sextant::kubernetes {

/// Something that keeps a deployment from becoming ready, or from staying so.
struct symptom {
  failure what;
  double must_last_s = 0; ///< how long it must be there before it is believed
  std::string pod;        ///< whose log may tell more; empty if no container ran
  std::string container;
  bool restarted = false; ///< its log is that of the container before
};

/// What is wrong with a deployment while it starts, the worst thing; nothing if it may still come up. `events` are those of
/// its objects.
std::optional<symptom> starting_symptom(const deployment_view& deployment, const std::vector<pod_view>& pods,
                                        const std::vector<event_view>& events);

/// What is wrong with a deployment that was ready.
std::optional<symptom> running_symptom(const std::vector<pod_view>& pods);

/// Whether an event is about a deployment or one of its parts, whose names all begin with its own.
bool concerns(const event_view& event, const std::string& deployment);

/// Believes in a symptom once it has lasted. Times in seconds on any one clock.
class patience {
public:
  /// The symptom seen now, or nothing; returns it when it has lasted long enough.
  std::optional<symptom> judge(const std::optional<symptom>& seen, double now_s);
  /// When to look again even though nothing changes; nothing without a symptom.
  std::optional<double> look_again_s() const;

private:
  std::string detail_;
  double since_s_ = 0, until_s_ = 0;
};

} // namespace sextant::kubernetes
