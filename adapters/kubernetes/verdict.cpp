#include "adapters/kubernetes/verdict.hpp"

#include <algorithm>
#include <string_view>

namespace sextant::kubernetes {

namespace {

using kinds = container_state::kinds;

/// A scheduler's refusal often passes while the pods of the last engine drain, or claims are bound.
constexpr double unschedulable_lasts_s = 8;
/// Volumes are tried again after fractions of a second at first: ConfigMaps may come a moment after the pod.
constexpr double mount_lasts_s = 5;
constexpr double pull_lasts_s = 5;         ///< a registry may be unreachable for a moment
constexpr double failed_state_lasts_s = 8; ///< operators report conflicts as failures, and mend them
constexpr double not_ready_lasts_s = 20;   ///< of a running engine under full load

bool any_of(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

symptom permanent(failure_cause cause, const std::string& detail, double must_last_s = 0) {
  return {{failure_class::permanent, cause, detail, {}}, must_last_s, {}, {}, false};
}

symptom transient(failure_cause cause, const std::string& detail, double must_last_s = 0) {
  return {{failure_class::transient, cause, detail, {}}, must_last_s, {}, {}, false};
}

/// The last event of a reason about an object; older servers say only there why.
const event_view* last_event(const std::vector<event_view>& events, const std::string& object,
                             std::initializer_list<std::string_view> reasons) {
  const event_view* found = nullptr;
  for (const auto& event : events)
    if (event.object == object && std::find(reasons.begin(), reasons.end(), event.reason) != reasons.end())
      found = &event;
  return found;
}

std::optional<symptom> pull_symptom(const pod_view& pod, const container_view& c, const std::vector<event_view>& events) {
  const auto& reason = c.now.reason;
  if (any_of(reason, {"InvalidImageName", "ErrImageNeverPull"}))
    return permanent(failure_cause::image_unavailable,
                     "image " + c.image + " of " + pod.name + " cannot be used: " + reason + ": " + c.now.message);
  if (!any_of(reason, {"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"}))
    return std::nullopt;
  auto why = c.now.message;
  for (const auto& event : events) // the back-off itself does not say why
    if (event.object == pod.name && event.reason == "Failed" && any_of(event.message, {"pull image", "ErrImagePull"})
        && (why.empty() || any_of(why, {"Back-off"})) && event.message != "Error: ErrImagePull")
      why = event.message;
  const auto detail = "image " + c.image + " of " + pod.name + " cannot be pulled: " + reason + ": " + why;
  // Only what the registry itself says is for good.
  const bool passes =
      any_of(why, {"timeout", "timed out", "connection refused", "connection reset", "no such host", "TLS handshake",
                   "toomanyrequests", "Too Many Requests", "i/o", "temporary", "503", "502"})
      && !any_of(why, {"not found", "denied", "unauthorized", "manifest unknown", "forbidden"});
  if (passes)
    return transient(failure_cause::image_unavailable, detail, pull_lasts_s);
  return permanent(failure_cause::image_unavailable, detail, any_of(reason, {"BackOff"}) ? 0 : pull_lasts_s / 5);
}

std::string end_text(const container_state& end) {
  std::string out = "exit code " + std::to_string(end.exit_code);
  if (!end.reason.empty() && end.reason != "Error")
    out += ", " + end.reason;
  if (!end.message.empty())
    out += ": " + end.message;
  return out;
}

symptom crash(const pod_view& pod, const container_view& c, const container_state& end, bool restarted) {
  auto s = end.reason == "OOMKilled"
               ? permanent(failure_cause::out_of_memory, c.name + " of " + pod.name
                                                             + " was killed for using more memory than its limit ("
                                                             + end_text(end) + ")")
               : permanent(failure_cause::crash_loop,
                           c.name + " of " + pod.name + " ends again and again while starting (" + end_text(end) + ")");
  s.pod = pod.name;
  s.container = c.name;
  s.restarted = restarted;
  return s;
}

std::optional<symptom> container_symptom(const pod_view& pod, const container_view& c,
                                         const std::vector<event_view>& events) {
  if (c.now.kind == kinds::waiting) {
    if (auto pull = pull_symptom(pod, c, events))
      return pull;
    if (any_of(c.now.reason, {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}))
      return permanent(any_of(c.now.message, {"not found", "not exist"}) ? failure_cause::mount_failed
                                                                         : failure_cause::unsupported,
                       c.name + " of " + pod.name + " cannot be started: " + c.now.reason + ": " + c.now.message, 2);
    if (c.now.reason == "CrashLoopBackOff")
      return crash(pod, c, c.before, true);
  }
  for (const auto* end : {&c.now, &c.before})
    if (end->kind == kinds::terminated && end->reason == "OOMKilled")
      return crash(pod, c, *end, end == &c.before && c.now.kind == kinds::running);
  // Seen twice between two back-offs.
  if (c.now.kind == kinds::terminated && c.now.exit_code != 0 && c.restarts >= 1)
    return crash(pod, c, c.now, false);
  return std::nullopt;
}

/// A node or somebody with rights took the pod away.
std::optional<symptom> lost_pod(const pod_view& pod) {
  if (pod.phase != "Failed")
    return std::nullopt;
  if (any_of(pod.reason, {"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempt", "NodeAffinity",
                          "UnexpectedAdmissionError"}))
    return transient(failure_cause::node_lost, "pod " + pod.name + " was taken away: " + pod.reason + ": " + pod.message);
  if (any_of(pod.reason, {"OutOf"})) // kubelet found less than the scheduler thought
    return transient(failure_cause::node_lost, "the node refused pod " + pod.name + ": " + pod.reason + ": " + pod.message);
  return std::nullopt;
}

std::optional<symptom> pod_symptom(const pod_view& pod, const std::vector<event_view>& events) {
  if (pod.deleting)
    return std::nullopt;
  if (auto lost = lost_pod(pod))
    return lost;
  for (const auto& c : pod.containers)
    if (auto s = container_symptom(pod, c, events))
      return s;
  if (pod.schedule_reason == "Unschedulable") {
    // An autoscaler is bringing a node, or others are being moved: the deployment's own time-out decides.
    if (pod.nominated || last_event(events, pod.name, {"TriggeredScaleUp"}))
      return std::nullopt;
    return permanent(failure_cause::unschedulable, "pod " + pod.name + " cannot be scheduled: " + pod.schedule_message,
                     unschedulable_lasts_s);
  }
  const bool started = std::any_of(pod.containers.begin(), pod.containers.end(),
                                   [](const container_view& c) { return c.now.kind == kinds::running; });
  if (const auto* mount = last_event(events, pod.name, {"FailedMount", "FailedAttachVolume", "FailedMapVolume"});
      mount && !started)
    return permanent(failure_cause::mount_failed, "a volume of pod " + pod.name + " cannot be mounted: " + mount->message,
                     mount_lasts_s);
  return std::nullopt;
}

/// Pods that were never made: quota, admission, missing accounts.
std::optional<symptom> creation_symptom(const std::vector<event_view>& events) {
  for (const auto& event : events) {
    if (event.type != "Warning" || !any_of(event.reason, {"FailedCreate"}) || event.kind == "Pod")
      continue;
    const auto detail = "pods of " + event.object + " cannot be created: " + event.message;
    const bool quota = any_of(event.message, {"exceeded quota", "limited to", "usage per"});
    const bool refused = quota || any_of(event.message, {"forbidden", "is invalid", "denied"});
    return permanent(quota ? failure_cause::quota_exceeded : failure_cause::rejected, detail,
                     refused ? 0 : failed_state_lasts_s);
  }
  return std::nullopt;
}

} // namespace

std::optional<symptom> starting_symptom(const deployment_view& deployment, const std::vector<pod_view>& pods,
                                        const std::vector<event_view>& events) {
  std::optional<symptom> worst;
  for (const auto& pod : pods)
    if (auto s = pod_symptom(pod, events); s && (!worst || s->must_last_s < worst->must_last_s))
      worst = std::move(s);
  if (!worst && !deployment.ready)
    worst = creation_symptom(events);
  if (!worst && deployment.state == "failed")
    worst = permanent(failure_cause::rejected,
                      "the operator says that " + deployment.name
                          + " failed: " + (deployment.message.empty() ? deployment.reason : deployment.message),
                      failed_state_lasts_s);
  return worst;
}

std::optional<symptom> running_symptom(const std::vector<pod_view>& pods) {
  for (const auto& pod : pods) {
    if (pod.deleting)
      return transient(failure_cause::engine_gone, "pod " + pod.name + " of the running engine was deleted");
    if (auto lost = lost_pod(pod))
      return lost;
    for (const auto& c : pod.containers)
      for (const auto* end : {&c.now, &c.before}) {
        if (end->kind != kinds::terminated)
          continue;
        auto s = transient(failure_cause::engine_gone,
                           c.name + " of " + pod.name + " ended without having been asked to (" + end_text(*end) + ")");
        if (end->reason == "OOMKilled")
          s.what.cause = failure_cause::out_of_memory;
        s.pod = pod.name;
        s.container = c.name;
        s.restarted = end == &c.before;
        return s;
      }
    if (!pod.ready)
      return transient(failure_cause::engine_gone, "pod " + pod.name + " of the running engine is not ready any more",
                       not_ready_lasts_s);
  }
  if (pods.empty())
    return transient(failure_cause::engine_gone, "the pods of the running engine are gone");
  return std::nullopt;
}

bool concerns(const event_view& event, const std::string& deployment) {
  return event.object == deployment || event.object.compare(0, deployment.size() + 1, deployment + "-") == 0;
}

std::optional<symptom> patience::judge(const std::optional<symptom>& seen, double now_s) {
  if (!seen) {
    detail_.clear();
    return std::nullopt;
  }
  // The text of a scheduler changes with every node; the same kind of trouble of the same pod goes on.
  const auto same = seen->what.detail.substr(0, seen->what.detail.find(':'));
  if (detail_ != same) {
    detail_ = same;
    since_s_ = now_s;
  }
  until_s_ = since_s_ + seen->must_last_s;
  return now_s >= until_s_ ? seen : std::nullopt;
}

std::optional<double> patience::look_again_s() const {
  return detail_.empty() ? std::nullopt : std::optional{until_s_};
}

} // namespace sextant::kubernetes
