#include "adapters/kubernetes/kubernetes_life.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "adapters/backends/dgd.hpp"
#include "adapters/kubernetes/labels.hpp"
#include "adapters/local/frontend_answers.hpp"
#include "adapters/local/verdicts.hpp"
#include "adapters/simulation/engine_metrics.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant::kubernetes {

namespace {

constexpr int frontend_port = 8000;
constexpr int64_t answer_ns = 2'000'000'000;
constexpr int64_t first_answer_ns = 60'000'000'000; ///< some back ends still compile then
constexpr double look_s = 0.25;                     ///< between looks at a frontend that starts
constexpr double turn_s = 1;                        ///< between looks at a deployment where nothing changes
constexpr double gauges_s = 10;                     ///< for the gauges of a ready engine to appear: 8 s were seen
constexpr size_t tail_count = 40;
constexpr size_t capacity_lines = 20'000; ///< of a log that is searched for the KV capacity

double now_s() {
  return static_cast<double>(monotonic_ns()) / 1e9;
}

/// The container that runs the engine: `main` by the operator's convention.
std::string main_container(const pod_view& pod) {
  for (const auto& c : pod.containers)
    if (c.name == "main")
      return c.name;
  return pod.containers.empty() ? std::string{} : pod.containers.back().name;
}

} // namespace

kubernetes_life::kubernetes_life(std::shared_ptr<cluster_link> link, const kubernetes_settings& settings, std::string key,
                                 const deploy_engine& what, engine_host::ready_handler ready,
                                 engine_host::failed_handler failed)
    : engine_life(what, std::move(ready), std::move(failed)), link_(std::move(link)), settings_(settings),
      key_(std::move(key)) {
}

void kubernetes_life::run() {
  std::string error;
  auto document = make_deployment(what_.dgd, {settings_.session, key_, settings_.name_space, settings_.owner},
                                  settings_.versions, error);
  if (document)
    client_ = make_api_client(
        link_, [this] { return cancelled_ && !removing_; }, error);
  if (!client_)
    return fail(failure_class::permanent, failure_cause::rejected, error);
  document_ = std::move(*document);
  const auto begin = now_s();
  hosted_engine about;
  if (create() && wait_until_ready(about)) {
    about.startup_s = now_s() - begin;
    about.simulated = document_.mocked;
    read_capacity(about);
    if (about.kv_tokens > 0) {
      ready_(std::move(about));
      watch();
    } else {
      fail(failure_class::permanent, failure_cause::capacity_unknown,
           "KV capacity is neither in metrics nor in the logs, and the memory model has no answer");
    }
  }
  if (made_)
    remove();
}

// -- starting -------------------------------------------------------------------------------------------

bool kubernetes_life::create() {
  const auto asked = "create dynamographdeployments in namespace " + document_.name_space;
  const api_call call{asked, "POST", document_.collection, document_.body};
  for (;;) {
    made_ = true;
    const auto answer = client_->call(call);
    if (answer.ok || (answer.error.reason == "AlreadyExists" && is_ours())) {
      spdlog::info("deployment-created: {} as {}/{}", key_, document_.name_space, document_.name);
      return true;
    }
    if (cancelled_) {
      fail(failure_class::transient, failure_cause::cancelled, "removed while starting");
      return false;
    }
    if (answer.error.reason == "AlreadyExists") { // one of an earlier run that is on its way out
      client_->turn(turn_s);
      continue;
    }
    made_ = answer.error.status < 400 || answer.error.status >= 500; // else it was refused
    auto why = failure_of(answer.error, asked);
    if (answer.error.message.find("exceeded quota") != std::string::npos)
      why.cause = failure_cause::quota_exceeded;
    failed_(std::move(why));
    return false;
  }
}

/// Whether the object of our name is the one we asked for: an answer can be lost after the object was made.
bool kubernetes_life::is_ours() {
  const auto answer =
      client_->call({"get deployment " + document_.name, "GET", document_.collection + "/" + document_.name, {}, 30});
  const auto view = answer.ok ? read_deployment(answer.body) : std::nullopt;
  return view && !view->deleting && view->session == settings_.session && view->engine == key_;
}

/// Until the deployment is ready and its frontend answers. False when that will never be, or the end is wanted; told.
bool kubernetes_life::wait_until_ready(hosted_engine& about) {
  const auto name = query_value(document_.name);
  const auto root = "/api/v1/namespaces/" + document_.name_space;
  deployments_ = std::make_unique<object_mirror>(document_.collection, "fieldSelector=metadata.name%3D" + name);
  pods_ = std::make_unique<object_mirror>(root + "/pods",
                                          "labelSelector=" + query_value(labels::deployment_name) + "%3D" + name);
  events_ = std::make_unique<object_mirror>(root + "/events", "fieldSelector=type%3DWarning");
  for (auto* mirror : {deployments_.get(), pods_.get(), events_.get()})
    client_->follow(*mirror);
  bool ready = false;
  while (!cancelled_ && mirrors_work() && look_at_start(ready)) {
    if (ready && answers(about))
      return true;
    if (ready) {
      client_->turn(look_s);
      continue;
    }
    const auto again = patience_.look_again_s();
    client_->turn(again ? std::clamp(*again - now_s(), 0.05, turn_s) : turn_s);
  }
  if (cancelled_)
    fail(failure_class::transient, failure_cause::cancelled, "removed while starting");
  return false;
}

/// Looks at what the mirrors show. False when the engine will never be ready, which is told.
bool kubernetes_life::look_at_start(bool& ready) {
  if (!deployments_->complete() || !pods_->complete())
    return true;
  const auto status = deployment();
  if (!status || status->deleting) {
    fail(failure_class::transient, failure_cause::engine_gone,
         "deployment " + document_.name + " was deleted by somebody else while it started");
    return false;
  }
  ready = status->ready;
  if (ready)
    return true;
  auto seen = starting_symptom(*status, pods(), events());
  const auto believed = patience_.judge(seen, now_s());
  if (!believed)
    return true;
  if (believed->what.cause == failure_cause::unschedulable && scale_up_announced(document_.name))
    return true; // a node is on its way: the deployment's own time-out decides
  tell(*believed);
  return false;
}

/// Cluster autoscalers announce new nodes in normal events, which are not followed: there are too many of them.
bool kubernetes_life::scale_up_announced(const std::string& deployment_name) {
  const auto answer =
      client_->call({"list events",
                     "GET",
                     "/api/v1/namespaces/" + document_.name_space + "/events?fieldSelector=reason%3DTriggeredScaleUp",
                     {},
                     2});
  for (const auto& item : items_of(answer.body))
    if (const auto event = read_event(item); event && concerns(*event, deployment_name))
      return true;
  return false;
}

/// Where the frontend may be reached: its service, and its pods where the cluster's names do not resolve; what is likelier
/// comes first.
std::vector<std::string> kubernetes_life::addresses() const {
  const auto port = ":" + std::to_string(frontend_port);
  std::vector<std::string> out;
  for (const auto& pod : pods())
    if (pod.component_type == "frontend" && pod.ready && !pod.ip.empty())
      out.push_back("http://" + (pod.ip.find(':') == std::string::npos ? pod.ip : "[" + pod.ip + "]") + port);
  out.insert(settings_.in_cluster ? out.begin() : out.end(),
             "http://" + document_.name + "-frontend." + document_.name_space + ".svc.cluster.local" + port);
  return out;
}

http_outcome kubernetes_life::ask(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                                  int64_t timeout_ns) {
  http_client_settings limits;
  limits.cancelled = &cancelled_;
  limits.kept_body_bytes = 4 << 20;
  return http_fetch(url, method, path, body, timeout_ns, {}, limits);
}

/// Whether a frontend lists a model and answers a first request; then `about` says where.
bool kubernetes_life::answers(hosted_engine& about) {
  std::string trouble;
  for (const auto& address : addresses()) {
    std::string error;
    const auto url = parse_http_url(address, error);
    const auto models = ask(*url, "GET", "/v1/models", {}, answer_ns);
    const auto listed = local::listed_models(models.body);
    if (models.status != 200 || listed.empty()) {
      trouble = address + "/v1/models: "
                + (models.end != http_end::complete ? models.detail
                   : models.status == 200           ? "no model yet"
                                                    : "HTTP " + std::to_string(models.status));
      continue;
    }
    const bool wanted = std::find(listed.begin(), listed.end(), what_.model.name) != listed.end();
    about.served_model = wanted ? what_.model.name : listed.front();
    const auto first = ask(*url, "POST", "/v1/completions", local::first_request(about.served_model), first_answer_ns);
    if (first.status == 200) {
      about.endpoint = address;
      return true;
    }
    trouble = address + "/v1/completions: " + (first.status > 0 ? local::error_text(first.body) : first.detail);
  }
  if (trouble != trouble_)
    print({"not answering yet: " + trouble});
  trouble_ = std::move(trouble);
  return false;
}

// -- serving --------------------------------------------------------------------------------------------

/// The frontend's gauges first, what the workers printed second, the memory model last.
void kubernetes_life::read_capacity(hosted_engine& about) {
  const int ranks = what_.layout.attention_data_parallel();
  std::string error;
  const auto url = parse_http_url(about.endpoint, error);
  const auto until = now_s() + gauges_s;
  int64_t printed = 0;
  for (const auto& pod : pods()) {
    if (pod.component_type == "frontend")
      continue;
    const auto lines = pod_log(pod.name, main_container(pod), false, capacity_lines);
    printed = std::max(printed, kv_tokens_from_log(what_.backend, lines, ranks));
    for (size_t i = lines.size() - std::min(lines.size(), tail_count); i < lines.size(); ++i)
      about.log.push_back(pod.name + ": " + lines[i]);
  }
  print(about.log);
  about.kv_source = "metrics";
  do {
    about.kv_tokens = kv_tokens_from_metrics(ask(*url, "GET", "/metrics", {}, answer_ns).body, ranks);
    if (about.kv_tokens > 0)
      return;
    if (printed > 0) { // no need to wait for gauges that come late
      about.kv_tokens = printed;
      about.kv_source = "log";
      return;
    }
    client_->turn(look_s);
  } while (now_s() < until && !cancelled_);
  about.kv_source = "memory model";
  about.kv_tokens =
      plan_memory({what_.model, what_.gpu, what_.backend, what_.layout}, std::max(1, what_.max_context)).kv_tokens;
}

/// Until the end is wanted, or the engine is lost, which is told.
void kubernetes_life::watch() {
  patience_ = {};
  while (!cancelled_ && mirrors_work()) {
    const auto status = deployment();
    if (!status || status->deleting) {
      if (!cancelled_)
        fail(failure_class::transient, failure_cause::engine_gone,
             "deployment " + document_.name + " was deleted by somebody else");
      break;
    }
    if (const auto believed = patience_.judge(running_symptom(pods()), now_s()); believed && !cancelled_) {
      tell(*believed);
      break;
    }
    client_->turn(turn_s);
  }
  wait_for_end();
}

// -- both -----------------------------------------------------------------------------------------------

/// Whether the cluster lets us see what happens; false is told. Without events less is known, but it works.
bool kubernetes_life::mirrors_work() {
  if (events_->error()) {
    print({"events cannot be seen: " + events_->trouble()});
    client_->unfollow(*events_);
    events_ = std::make_unique<object_mirror>("/none");
  }
  for (const auto* mirror : {deployments_.get(), pods_.get()})
    if (mirror->error()) {
      auto why = failure_of(*mirror->error(), std::string{"list and watch "}
                                                  + (mirror == pods_.get() ? "pods" : "dynamographdeployments")
                                                  + " in namespace " + document_.name_space);
      failed_(std::move(why));
      return false;
    }
  return true;
}

std::optional<deployment_view> kubernetes_life::deployment() const {
  const auto& objects = deployments_->objects();
  const auto found = objects.find(document_.name);
  return found == objects.end() ? std::nullopt : read_deployment(found->second);
}

std::vector<pod_view> kubernetes_life::pods() const {
  std::vector<pod_view> out;
  for (const auto& [name, object] : pods_->objects())
    if (auto pod = read_pod(object))
      out.push_back(std::move(*pod));
  return out;
}

std::vector<event_view> kubernetes_life::events() const {
  std::vector<event_view> out;
  for (const auto& [name, object] : events_->objects())
    if (auto event = read_event(object); event && concerns(*event, document_.name))
      out.push_back(std::move(*event));
  return out;
}

/// Tells a failure, with what the container printed last: that may name the cause better than the cluster can.
void kubernetes_life::tell(symptom s) {
  if (!s.pod.empty()) {
    const auto lines = pod_log(s.pod, s.container, s.restarted, tail_count);
    print(lines);
    const auto read = local::judge_end(s.container, {true, 1, 0}, false, lines);
    if (s.what.cause == failure_cause::crash_loop && read.cause != failure_cause::engine_gone) {
      s.what.cause = read.cause;
      s.what.detail += ": " + read.detail;
    }
    s.what.log_tail = lines;
  }
  spdlog::warn("deployment-failed: {}: {}", key_, s.what.detail);
  failed_(std::move(s.what));
}

std::vector<std::string> kubernetes_life::pod_log(const std::string& pod, const std::string& container, bool previous,
                                                  size_t lines) {
  auto path = "/api/v1/namespaces/" + document_.name_space + "/pods/" + pod + "/log?tailLines=" + std::to_string(lines);
  if (!container.empty())
    path += "&container=" + query_value(container);
  const auto answer = client_->call({"get pods/log", "GET", path + (previous ? "&previous=true" : ""), {}, 2});
  if (!answer.ok && previous)
    return pod_log(pod, container, false, lines);
  return answer.ok ? local::last_lines(answer.body, lines) : std::vector<std::string>{};
}

bool kubernetes_life::gone() const {
  return deployments_->complete() && pods_->complete() && !deployment() && pods_->objects().empty();
}

/// Deletes the deployment and waits until it and its pods are gone: until then they hold their GPUs.
void kubernetes_life::remove() {
  removing_ = true;
  const auto until = now_s() + settings_.gone_timeout_s;
  const auto answer = client_->call({"delete dynamographdeployments in namespace " + document_.name_space,
                                     "DELETE",
                                     document_.collection + "/" + document_.name,
                                     {},
                                     settings_.gone_timeout_s});
  if (!answer.ok && answer.error.status != 404) {
    spdlog::error("deployment-left: {}/{}: {}", document_.name_space, document_.name, answer.problem);
    return;
  }
  if (!pods_) // it was never created
    return;
  while (now_s() < until && !deployments_->error() && !pods_->error()) {
    if (gone()) {
      spdlog::info("deployment-gone: {}/{}", document_.name_space, document_.name);
      return;
    }
    client_->turn(turn_s);
  }
  spdlog::error("deployment-left: {}/{}: not gone after {} s", document_.name_space, document_.name,
                settings_.gone_timeout_s);
}

} // namespace sextant::kubernetes
