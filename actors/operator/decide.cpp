#include "actors/operator/decide.hpp"

#include <algorithm>

namespace sextant::operating {

namespace {

constexpr const char* validation = "Validation";
constexpr const char* profile = "Profiling";
constexpr const char* generated = "SpecGenerated";
constexpr const char* deployment_ready = "DeploymentReady";
constexpr const char* succeeded = "Succeeded";
constexpr const char* first_stage = "Initializing";
constexpr const char* change_mark = "SpecChangeRejected";

bool over(const request_status& s) {
  return s.phase == phases::failed;
}

change begin_change(const request_view& request) {
  return {request.status, {}};
}

/// Every failure ends alike, whatever the step.
void fail(change& c, const std::string& message, const std::string& now) {
  c.status.phase = phases::failed;
  c.status.stage.clear();
  c.status.set(succeeded, false, phases::failed, message, now);
}

void move(change& c, const char* phase, bool success, const char* reason, const std::string& message,
          const std::string& now) {
  c.status.phase = phase;
  c.status.set(succeeded, success, reason, message, now);
}

std::string generation_text(const request_view& request) {
  return " (generation " + std::to_string(request.generation) + ")";
}

/// Whether the specification is another one than was taken, and nobody was told of that yet.
bool spec_changed(const request_view& request) {
  const auto& s = request.status;
  if (s.observed_generation == 0 || request.generation == s.observed_generation)
    return false;
  const auto* told = s.find(validation);
  return !told || told->reason != change_mark || !told->message.ends_with(generation_text(request));
}

bool target_changed(const request_view& request) {
  return request.ttft_ms != request.status.ttft_ms || request.itl_ms != request.status.itl_ms;
}

step after_answer(const request_view& request) {
  const auto& s = request.status;
  if (spec_changed(request)) {
    if (request.fingerprint != s.fingerprint)
      return step::reject_change;
    if (target_changed(request))
      return s.created ? step::reject_change : step::pick_again;
  }
  if (s.created)
    return step::follow_deployment;
  return request.auto_apply || s.phase == phases::deploying ? step::deploy : step::nothing;
}

} // namespace

bool foreign(const request_view& request, const jurisdiction& ours) {
  if (request.request_class != ours.request_class)
    return true;
  const auto& phase = request.status.phase;
  return !request.held() && !phase.empty() && phase != phases::pending && phase != phases::failed;
}

step next_step(const request_view& request, const profile_news& news, bool may_start) {
  using states = profile_news::states;
  const auto& s = request.status;
  if (request.deleting) {
    if (!request.held())
      return step::nothing;
    // One of an earlier process may go on by itself.
    return news.state == states::running || (news.state == states::none && s.phase == phases::profiling)
               ? step::cancel_profile
               : step::let_go;
  }
  if (s.phase.empty())
    return step::admit;
  if (over(s))
    return step::nothing;
  if (s.phase == phases::pending)
    return !may_start ? step::nothing : request.held() ? step::start_profile : step::hold;
  if (s.phase != phases::profiling)
    return after_answer(request);
  switch (news.state) {
    case states::none:
      return may_start ? step::start_profile : step::nothing;
    case states::finished:
      return step::write_outputs;
    case states::failed:
      return step::give_up;
    case states::running:
      break;
  }
  return spec_changed(request) ? step::reject_change : step::tell_progress;
}

change admitted(const request_view& request, const std::string& now) {
  auto c = begin_change(request);
  c.status.observed_generation = request.generation;
  c.status.backend = request.backend;
  c.status.fingerprint = request.fingerprint;
  c.status.set(validation, true, "ValidationPassed", "the request is valid", now);
  move(c, phases::pending, false, phases::pending, "waiting for its turn", now);
  c.events.push_back({false, "Initialized", "DGDR initialized successfully"});
  return c;
}

change refused(const request_view& request, const std::string& errors, const std::string& now) {
  auto c = begin_change(request);
  c.status.observed_generation = request.generation;
  c.status.backend = request.backend;
  c.status.set(validation, false, "ValidationFailed", errors, now);
  fail(c, errors, now);
  c.events.push_back({true, "ValidationFailed", errors});
  return c;
}

change profile_started(const request_view& request, const std::string& now) {
  auto c = begin_change(request);
  if (c.status.phase == phases::profiling) // again after a restart: nothing new for people
    return c;
  c.status.stage = first_stage;
  c.status.set(profile, false, first_stage, "Profiling is in progress", now);
  move(c, phases::profiling, false, profile, "Profiling is in progress", now);
  c.events.push_back({false, "ProfilingJobCreated", "Profile " + request.request_id() + " started"});
  return c;
}

change profile_moved(const request_view& request, const profile_news& news, const std::string& now) {
  auto c = begin_change(request);
  if (!news.stage.empty())
    c.status.stage = news.stage;
  const auto message = news.text.empty() ? std::string{"Profiling is in progress"} : news.text;
  c.status.set(profile, false, c.status.stage.empty() ? first_stage : c.status.stage, message, now);
  c.status.set(succeeded, false, profile, message, now);
  return c;
}

change given_up(const request_view& request, const std::string& error, const std::string& now) {
  auto c = begin_change(request);
  const auto stage = c.status.stage.empty() || c.status.stage == "Done" ? std::string{first_stage} : c.status.stage;
  c.status.set(profile, false, stage + "Failed", error, now);
  fail(c, error, now);
  c.events.push_back({true, "ProfilingJobFailed", "profiling job failed: " + error});
  return c;
}

change spec_generated(const request_view& request, const generated_spec& spec, const std::string& now) {
  auto c = begin_change(request);
  auto& s = c.status;
  s.stage.clear();
  s.deployment = spec.deployment;
  s.selected = spec.selected;
  s.output_map = request.output_map();
  s.ttft_ms = request.ttft_ms;
  s.itl_ms = request.itl_ms;
  s.observed_generation = request.generation;
  s.set(profile, true, "Completed", spec.message, now);
  s.set(generated, true, "SpecGenerated", "DynamoGraphDeployment spec generated successfully", now);
  if (request.auto_apply)
    move(c, phases::deploying, false, phases::deploying, spec.message, now);
  else
    move(c, phases::ready, true, "SpecGenerated", spec.message, now);
  c.events.push_back({false, "SpecGenerated", "DynamoGraphDeployment spec generated successfully"});
  if (!request.auto_apply)
    c.events.push_back({false, "SpecGenerated",
                        request.shape == request_shape::v1alpha1
                            ? std::string{"Generated spec is available in status.generatedDeployment"}
                            : std::string{"Generated spec is available in status.profilingResults.selectedConfig"}});
  return c;
}

change generation_failed(const request_view& request, const std::string& error, const std::string& now) {
  auto c = begin_change(request);
  c.status.set(generated, false, "GenerationFailed", error, now);
  fail(c, error, now);
  c.events.push_back({true, "GenerationFailed", error});
  return c;
}

change change_rejected(const request_view& request, const std::string& why) {
  auto c = begin_change(request);
  // `observedGeneration` stays behind: that is how clients see it.
  for (auto& condition : c.status.conditions)
    if (condition.type == validation) {
      condition.reason = change_mark;
      condition.message = why + generation_text(request);
    }
  c.events.push_back({true, change_mark, why});
  return c;
}

change deployment_made(const request_view& request, const std::string& now) {
  auto c = begin_change(request);
  c.status.created = true;
  c.status.deployment_state = "pending";
  c.status.set(deployment_ready, false, "DeploymentCreated", "DynamoGraphDeployment " + c.status.deployment + " created",
               now);
  move(c, phases::deploying, false, phases::deploying, "DynamoGraphDeployment " + c.status.deployment + " created", now);
  c.events.push_back({false, "DeploymentCreated", "DynamoGraphDeployment " + c.status.deployment + " created successfully"});
  return c;
}

change deployment_refused(const request_view& request, const std::string& error, const std::string& now) {
  auto c = begin_change(request);
  c.status.set(deployment_ready, false, "DeploymentRejected", error, now);
  fail(c, error, now);
  c.events.push_back({true, "DeploymentCreationFailed", error});
  return c;
}

change deployment_seen(const request_view& request, const kubernetes::deployment_view* deployment, const std::string& now) {
  auto c = begin_change(request);
  auto& s = c.status;
  if (!deployment) {
    const auto text = "DynamoGraphDeployment " + s.deployment + " was deleted";
    s.deployment_state = "Deleted";
    s.available = 0;
    s.set(deployment_ready, false, deployment_deleted, text, now);
    fail(c, text, now);
    c.events.push_back({true, deployment_deleted, text});
    return c;
  }
  s.deployment_state = deployment->state;
  s.replicas = deployment->replicas;
  s.available = deployment->available;
  if (deployment->state == "successful" || deployment->ready) {
    if (s.phase == phases::deployed)
      return c;
    const auto text = "DynamoGraphDeployment " + s.deployment + " is ready";
    s.set(deployment_ready, true, "DeploymentReady", text, now);
    move(c, phases::deployed, true, phases::deployed, text, now);
    c.events.push_back({false, "DeploymentReady", text});
    return c;
  }
  const auto text = deployment->message.empty() ? "DynamoGraphDeployment " + s.deployment + " is " + deployment->state
                                                : deployment->message;
  if (s.phase == phases::deployed) {
    s.set(deployment_ready, false, "DeploymentDegraded", text, now);
    c.events.push_back({true, "DeploymentDegraded", text});
  } else {
    s.set(deployment_ready, false, "DeploymentInProgress", text, now);
  }
  move(c, phases::deploying, false, phases::deploying, text, now);
  return c;
}

} // namespace sextant::operating
