#include "tools/sextant/operator_desk.hpp"

#include <cstdlib>

#include <spdlog/spdlog.h>

#include "actors/artifacts/status.hpp"
#include "config/intake.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {

using namespace operating;

constexpr double call_patience_s = 5;
constexpr std::chrono::seconds retry_pause{3};
constexpr std::chrono::seconds progress_pause{10};
constexpr std::chrono::milliseconds submit_timeout{10000};
constexpr double look_s = 0.2;
constexpr int most_refusals = 10; ///< to cancel, one every `retry_pause`: the roles may be starting

bool newer(const std::string& a, const std::string& b) {
  return std::strtoull(a.c_str(), nullptr, 10) > std::strtoull(b.c_str(), nullptr, 10);
}

std::string progress_text(const progress& p) {
  if (p.points_planned <= 0)
    return p.text;
  return std::to_string(p.points_done) + " of " + std::to_string(p.points_planned) + " points, "
         + std::to_string(p.engines_running) + " engines running";
}

} // namespace

operator_desk::operator_desk(operator_settings settings, std::unique_ptr<kubernetes::api_client> client,
                             std::shared_ptr<bus> link, subjects names, event_queue& queue)
    : settings_(std::move(settings)), client_(std::move(client)), link_(std::move(link)), names_(std::move(names)),
      queue_(queue), requests_(path("dynamographdeploymentrequests")),
      deployments_(kubernetes::deployments_path(settings_.deployment_versions.front(), settings_.name_space),
                   "labelSelector=" + kubernetes::query_value(marks::tracked_name)) {
  client_->follow(requests_);
  client_->follow(deployments_);
}

operator_desk::~operator_desk() {
  client_->unfollow(requests_);
  client_->unfollow(deployments_);
}

std::string operator_desk::path(const std::string& plural) const {
  if (plural == "dynamographdeploymentrequests")
    return "/apis/" + request_api() + "/namespaces/" + settings_.name_space + "/" + plural;
  return "/api/v1/namespaces/" + settings_.name_space + "/" + plural;
}

std::string operator_desk::request_path(const request_view& view) const {
  return path("dynamographdeploymentrequests") + "/" + view.name;
}

kubernetes::api_answer operator_desk::call(const std::string& asked, const std::string& method, const std::string& where,
                                           const std::string& body) {
  return client_->call({asked + " in namespace " + settings_.name_space, method, where, body, call_patience_s});
}

std::string operator_desk::turn() {
  client_->turn(look_s);
  for (const auto* mirror : {&requests_, &deployments_})
    if (mirror->error())
      return mirror->trouble();
  if (!requests_.complete() || !deployments_.complete())
    return {};
  read_mirror();
  const auto now = clock::now();
  for (auto& [name, entry] : entries_)
    if (now >= entry.not_before && !foreign(entry.view, settings_.ours))
      act(entry);
  return {};
}

void operator_desk::read_mirror() {
  if (requests_.changes() == seen_requests_)
    return;
  seen_requests_ = requests_.changes();
  for (const auto& [name, text] : requests_.objects()) {
    auto& entry = entries_[name];
    if (entry.text == text)
      continue;
    auto view = read_request_object(text);
    if (!view)
      continue;
    // The answer to our own write may be newer than what the watch has told so far.
    if (entry.view.uid == view->uid && newer(entry.view.version, view->version))
      continue;
    entry.text = text;
    entry.view = std::move(*view);
  }
  std::erase_if(entries_, [&](const auto& e) {
    if (requests_.objects().count(e.first) > 0)
      return false;
    profiles_.erase(e.second.view.request_id());
    return true;
  });
}

int operator_desk::running() const {
  int n = 0;
  for (const auto& [id, track] : profiles_)
    n += track.news.state == profile_news::states::running ? 1 : 0;
  return n;
}

void operator_desk::act(request_entry& entry) {
  const auto found = profiles_.find(entry.view.request_id());
  const auto news = found == profiles_.end() ? profile_news{} : found->second.news;
  const auto now = status_time_now();
  switch (next_step(entry.view, news, running() < settings_.parallel)) {
    case step::nothing:
      return;
    case step::admit:
      return admit(entry);
    case step::hold:
      if (set_finalizer(entry, true))
        start(entry);
      return;
    case step::start_profile:
      return start(entry);
    case step::tell_progress:
      return tell(entry, found->second);
    case step::write_outputs:
      return write_outputs(entry);
    case step::give_up:
      write(entry, given_up(entry.view, news.error, now));
      return;
    case step::pick_again:
      return pick_again(entry);
    case step::reject_change:
      write(entry,
            change_rejected(entry.view, "the specification was changed after its profile had begun; only a new target "
                                        "is taken then, before anything is deployed: delete and create the request"));
      return;
    case step::deploy:
      return deploy(entry);
    case step::follow_deployment:
      return follow(entry);
    case step::cancel_profile:
      return cancel(entry);
    case step::let_go:
      set_finalizer(entry, false);
      return;
  }
}

void operator_desk::admit(request_entry& entry) {
  trouble_.clear();
  std::string error = missing_objects(entry.view);
  std::string invalid;
  request_of(entry.view, invalid);
  if (!trouble_.empty()) // not the request's fault
    return later(entry, trouble_);
  if (!invalid.empty())
    error += (error.empty() ? "" : "; ") + invalid;
  const auto now = status_time_now();
  write(entry, error.empty() ? admitted(entry.view, now) : refused(entry.view, error, now));
}

void operator_desk::start(request_entry& entry) {
  std::string error;
  const auto submission = submission_for(entry.view, error);
  if (!submission)
    return later(entry, error);
  const auto id = entry.view.request_id();
  if (!write(entry, profile_started(entry.view, status_time_now())))
    return;
  auto& track = profiles_[id];
  track = {};
  track.news.state = profile_news::states::running;
  track.events = link_->follow(
      names_.event_stream(), names_.event(id), 1,
      [&queue = queue_](bus_message m) { // the queue outlives the desk, and may be told something after its end
        std::vector<codec_error> errors;
        if (auto e = decode_envelope(m.body, errors))
          queue.push(std::move(*e));
      },
      [] {});
  link_->request(names_.request_submit(), encode_message("submit-" + id, id, *submission), submit_timeout,
                 [&queue = queue_, id](std::optional<bus_message> answer, const std::string& why) {
                   envelope e;
                   std::vector<codec_error> errors;
                   if (answer)
                     e = decode_envelope(answer->body, errors).value_or(e);
                   if (e.kind.empty()) {
                     e.kind = "unanswered";
                     e.body = why;
                   }
                   e.request = id;
                   queue.push(std::move(e));
                 });
}

void operator_desk::take(const envelope& event) {
  const auto found = profiles_.find(event.request);
  if (found == profiles_.end())
    return;
  auto& [news, result, events, stage, text, told, cancelled, refusals] = found->second;
  using states = profile_news::states;
  if (event.kind == "unanswered") { // nobody serves yet, or no more: submitted again at the next look
    for (auto& [name, entry] : entries_)
      if (entry.view.request_id() == event.request)
        later(entry, "its submission was not answered: " + event.body);
    profiles_.erase(found);
  } else if (event.kind == "cancelled" || (event.kind == "not cancelled" && ++refusals >= most_refusals)) {
    news.state = states::failed; // nobody knows it any more, or it ends now: the object need not wait for that
    news.error = "cancelled";
  } else if (auto p = message_as<progress>(event)) {
    if (!p->stage.empty())
      news.stage = p->stage == "Done" ? news.stage : p->stage;
    news.text = progress_text(*p);
  } else if (auto refusal = message_as<request_refused>(event)) {
    news.state = states::failed;
    for (const auto& e : refusal->errors)
      news.error += (news.error.empty() ? "" : "; ") + format_error(e);
  } else if (auto end = message_as<profile_finished>(event)) {
    news.state = states::finished;
    result = std::move(end->result);
  } else if (auto failure = message_as<profile_failed>(event)) {
    news.state = states::failed;
    news.error = std::string{to_text(failure->error.cause)} + ": " + failure->error.detail;
  }
}

void operator_desk::tell(request_entry& entry, profile_track& track) {
  const auto now = clock::now();
  const bool moved = !track.news.stage.empty() && track.news.stage != track.told_stage;
  if (!moved && (track.news.text == track.told_text || now - track.told_at < progress_pause))
    return;
  if (!write(entry, profile_moved(entry.view, track.news, status_time_now())))
    return;
  track.told_stage = track.news.stage;
  track.told_text = track.news.text;
  track.told_at = now;
}

void operator_desk::follow(request_entry& entry) {
  const auto& objects = deployments_.objects();
  const auto found = objects.find(entry.view.status.deployment);
  if (found == objects.end()) {
    // Made a moment ago, the watch may not have told of it yet: the server knows.
    if (entry.view.status.deployment_state == "Deleted")
      return;
    const auto& version = settings_.deployment_versions.front();
    const auto got = call("get dynamographdeployments", "GET",
                          kubernetes::deployments_path(version, settings_.name_space) + "/" + entry.view.status.deployment);
    if (got.ok)
      return later(entry, "");
    if (got.error.status != 404)
      return later(entry, got.problem);
    write(entry, deployment_seen(entry.view, nullptr, status_time_now()));
    return;
  }
  const auto view = kubernetes::read_deployment(found->second);
  if (view)
    write(entry, deployment_seen(entry.view, &*view, status_time_now()));
}

void operator_desk::cancel(request_entry& entry) {
  const auto id = entry.view.request_id();
  auto& track = profiles_[id];
  const auto now = clock::now();
  if (now - track.cancelled_at < retry_pause)
    return;
  track.cancelled_at = now;
  track.news.state = profile_news::states::running;
  link_->request(names_.request_command(id, "cancel"),
                 encode_message("cancel-" + id, id, cancel_request{"its DynamoGraphDeploymentRequest was deleted"}),
                 submit_timeout, [&queue = queue_, id](std::optional<bus_message> answer, const std::string&) {
                   envelope e;
                   e.kind = answer ? "cancelled" : "not cancelled";
                   e.request = id;
                   queue.push(std::move(e));
                 });
}

bool operator_desk::write(request_entry& entry, const change& c) {
  const auto& view = entry.view;
  const auto patch = status_patch(view.status, c.status, view.shape, view.name_space);
  if (patch.empty())
    return true;
  const auto answer = client_->call({"patch dynamographdeploymentrequests/status in namespace " + view.name_space, "PATCH",
                                     request_path(view) + "/status", patch, call_patience_s});
  if (!answer.ok && answer.error.status != 404) {
    later(entry, answer.problem);
    return false;
  }
  const auto told = view; // the events are of the object as it was
  if (answer.ok)
    adopt(entry, answer.body);
  for (const auto& event : c.events) {
    spdlog::info("{} {}: {}", told.name, event.reason, event.message);
    const auto sent =
        call("create events", "POST", path("events"), event_object(told, event, request_api(), status_time_now()));
    if (!sent.ok)
      spdlog::warn("no-event: {}", sent.problem);
  }
  return answer.ok;
}

void operator_desk::adopt(request_entry& entry, const std::string& object) {
  if (auto view = read_request_object(object)) {
    entry.view = std::move(*view);
    entry.text = object;
  }
}

void operator_desk::later(request_entry& entry, const std::string& why) {
  if (!why.empty())
    spdlog::warn("later: {}: {}", entry.view.name, why);
  entry.not_before = clock::now() + retry_pause;
}

} // namespace sextant
