// clients.cpp: `sextant submit`, `watch`, `cancel`, `results`, `list`: thin clients of the subjects, nothing else.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <future>
#include <random>

#include "tools/sextant/clients.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

using std::chrono::milliseconds;

std::optional<envelope> ask(bus& link, const std::string& subject, const std::string& body, const command_line& args) {
  const auto timeout = milliseconds{std::llround(std::stod(args.value("timeout")) * 1000)};
  std::promise<std::pair<std::optional<bus_message>, std::string>> promise;
  auto future = promise.get_future();
  link.request(subject, body, timeout, [&promise](std::optional<bus_message> answer, std::string error) {
    promise.set_value({std::move(answer), std::move(error)});
  });
  auto [answer, error] = future.get();
  if (!answer) {
    fprintf(stderr, "%s: %s; is `sextant serve` running there, and is the id known to it (`sextant list`)?\n",
            subject.c_str(), error.c_str());
    return std::nullopt;
  }
  std::vector<codec_error> errors;
  auto e = decode_envelope(answer->body, errors);
  if (!e)
    fprintf(stderr, "%s: unreadable answer: %s %s\n", subject.c_str(), errors[0].path.c_str(), errors[0].message.c_str());
  return e;
}

std::shared_ptr<bus> client_link(const command_line& args) {
  start_logging(args.value("log-file"), args.value("log-level"));
  return connect_from(args);
}

namespace {

std::string random_id() {
  std::random_device device;
  char text[32];
  snprintf(text, sizeof text, "profile-%08x", device());
  return text;
}

bool valid_id(const std::string& id) {
  if (!valid_request_id(id))
    fprintf(stderr, "%s: accepted is a request id: 1 to 128 letters, digits, '-' and '_'\n", id.c_str());
  return valid_request_id(id);
}

bool id_given(const command_line& args) {
  return valid_id(args.positionals.empty() ? "REQUEST_ID missing" : args.positionals[0]);
}

/// Whether the installation knows a request by now.
bool known_there(bus& link, const std::string& id, const command_line& args) {
  const auto all = ask_for_requests(link, args);
  return all && std::any_of(all->begin(), all->end(), [&](const request_summary& r) { return r.id == id; });
}

int watch_with(bus& link, const subjects& names, const std::string& id, const command_line& args) {
  event_queue queue;
  auto view = make_console(args.flag("json-events") ? "json" : "auto", id);
  const auto end = watch_request(link, names, id, queue, *view);
  view->done();
  if (end.result && !args.flag("json-events"))
    printf("%s: %s; results in %s on the serving node\n", id.c_str(), end.result->feasible ? "feasible" : "not feasible",
           end.directory.c_str());
  return end.exit;
}

} // namespace

int run_submit(const command_line& args) {
  auto submission = submission_from(args);
  if (!submission)
    return exit_bad_input;
  if (args.has("id") && !valid_id(args.value("id")))
    return exit_bad_input;
  auto link = client_link(args);
  if (!link)
    return exit_failed;
  const auto id = args.has("id") ? args.value("id") : random_id();
  const subjects names{args.value("prefix")};
  auto answer = ask(*link, names.request_submit(), encode_message("submit-" + id, id, *submission), args);
  if (!answer)
    return exit_failed;
  if (auto refused = message_as<request_refused>(*answer)) {
    print_errors(refused->errors);
    return exit_bad_input;
  }
  auto accepted = message_as<request_accepted>(*answer);
  if (!accepted)
    return exit_failed;
  printf("%s\n", id.c_str());
  fprintf(stderr, "%s\n", accepted->duplicate ? "known already: the same request" : "accepted");
  return args.flag("wait") ? watch_with(*link, names, id, args) : exit_ok;
}

int run_watch(const command_line& args) {
  if (!id_given(args))
    return exit_bad_input;
  auto link = client_link(args);
  return link ? watch_with(*link, subjects{args.value("prefix")}, args.positionals[0], args) : exit_failed;
}

int run_cancel(const command_line& args) {
  if (!id_given(args))
    return exit_bad_input;
  auto link = client_link(args);
  if (!link)
    return exit_failed;
  const auto& id = args.positionals[0];
  auto answer = ask(*link, subjects{args.value("prefix")}.request_command(id, "cancel"),
                    encode_message("cancel-" + id, id, cancel_request{"on request"}), args);
  if (!answer)
    return exit_failed;
  if (known_there(*link, id, args))
    fprintf(stderr, "%s: cancelled\n", id.c_str());
  else
    fprintf(stderr, "%s: no request of that id is known there (`sextant list`); should one come, it is cancelled\n",
            id.c_str());
  return exit_ok;
}

int run_results(const command_line& args) {
  if (!id_given(args))
    return exit_bad_input;
  auto link = client_link(args);
  if (!link)
    return exit_failed;
  const auto& id = args.positionals[0];
  auto answer = ask(*link, subjects{args.value("prefix")}.request_command(id, "get"), "{}", args);
  if (!answer)
    return exit_failed;
  if (args.flag("json"))
    printf("%s\n", answer->body.c_str());
  if (auto finished = message_as<profile_finished>(*answer)) {
    if (!args.flag("json"))
      printf("%s  %s%s", finished->result.feasible ? "FEASIBLE" : "NOT FEASIBLE", id.c_str(),
             answer_details(finished->result, finished->directory).c_str());
    return finished->result.feasible ? exit_ok : exit_infeasible;
  }
  if (auto failed = message_as<profile_failed>(*answer)) {
    fprintf(stderr, "%s: %s: %s\n", id.c_str(), std::string{to_text(failed->error.cause)}.c_str(),
            failed->error.detail.c_str());
    return exit_failed;
  }
  if (auto summary = message_as<request_summary>(*answer)) {
    fprintf(stderr, "%s is not finished: %s, %d points\n", id.c_str(), summary->stage.c_str(), summary->points_done);
    return exit_failed;
  }
  return exit_failed;
}

std::optional<std::vector<request_summary>> ask_for_requests(bus& link, const command_line& args) {
  std::vector<request_summary> all;
  for (list_requests question;; question.after = all.back().id) {
    auto answer = ask(link, subjects{args.value("prefix")}.request_list(), encode_message("list", "", question), args);
    auto page = answer ? message_as<request_list>(*answer) : std::nullopt;
    if (!page)
      return std::nullopt;
    for (auto& r : page->requests)
      all.push_back(std::move(r));
    if (!page->more || page->requests.empty())
      return all;
  }
}

int run_list(const command_line& args) {
  auto link = client_link(args);
  if (!link)
    return exit_failed;
  auto all = ask_for_requests(*link, args);
  if (!all)
    return exit_failed;
  if (args.flag("json")) {
    const int total = static_cast<int>(all->size());
    printf("%s\n", encode_body(request_list{std::move(*all), total, false}).c_str());
    return exit_ok;
  }
  printf("%-40s %-10s %-16s %7s  %s\n", "ID", "STATE", "STAGE", "POINTS", "MODEL");
  for (const auto& r : *all)
    printf("%-40s %-10s %-16s %7d  %s\n", r.id.c_str(), r.state.c_str(), r.stage.c_str(), r.points_done, r.model.c_str());
  return exit_ok;
}

} // namespace sextant
