// profile.cpp: `sextant profile`: every role in this process, over a private server, for one request.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <spdlog/spdlog.h>

#include "actors/artifacts/files.hpp"
#include "actors/artifacts/writer.hpp"
#include "actors/runtime/installation.hpp"
#include "actors/search/core.hpp"
#include "adapters/nats/nats_bus.hpp"
#include "adapters/nats/private_server.hpp"
#include "config/intake.hpp"
#include "tools/sextant/hosts.hpp"
#include "tools/sextant/process.hpp"
#include "tools/sextant/running_status.hpp"

namespace sextant {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// The same request in the same directory has the same id, so that running a command again goes on where it stopped.
std::string request_id_of(profile_request request) {
  request.id.clear();
  request.output_dir.clear();
  auto name = request.name.substr(0, 60);
  for (auto& c : name)
    if (!isalnum(static_cast<unsigned char>(c)) && c != '-')
      c = '-';
  return (name.empty() ? std::string{"profile"} : name) + "-" + stable_hash(encode_body(request)).substr(0, 10);
}

void print_plan(const profile_request& request, const search_core& core) {
  const auto result = core.result();
  printf("%s on %s with %s, ISL %d OSL %d, TTFT <= %g ms, ITL <= %g ms, policy %s\n\n", request.model.name.c_str(),
         request.gpu.name.c_str(), std::string{to_text(request.backend)}.c_str(), request.sla.isl, request.sla.osl,
         request.sla.ttft_ms, request.sla.itl_ms, std::string{to_text(request.policy)}.c_str());
  printf("%-18s %5s %14s %16s %16s  %s\n", "candidate", "GPUs", "predicted ms", "tokens/s/GPU", "KV tokens", "state");
  for (const auto& c : result.candidates)
    printf("%-18s %5d %14.2f %16.1f %16lld  %s%s%s\n", c.engine.c_str(), c.layout.gpus, c.predicted_ms,
           c.predicted_throughput_per_gpu, static_cast<long long>(c.predicted_kv_tokens),
           std::string{to_text(c.state)}.c_str(), c.reason.empty() ? "" : ": ", c.reason.c_str());
  printf("\nat most %d points and about %.0f GPU-seconds; nothing was deployed (dry run)\n", result.points_planned,
         result.gpu_seconds);
}

/// Writes the deployments a dry run would use, as the reference profiler does.
int write_plan(const std::string& directory, const search_core& core) {
  for (const auto& c : core.result().candidates) {
    if (c.dgd.empty())
      continue;
    const auto folder = fs::path(directory)
                        / (std::string{to_text(c.role)} + "_" + std::to_string(c.layout.gpus) + "gpus_" + c.layout.tag());
    std::error_code code;
    fs::create_directories(folder, code);
    std::ofstream{folder / "config.yaml"} << c.dgd;
  }
  const auto error =
      write_status(directory, "success", "Dry run completed successfully (no recommendations generated)", "", "Done", false);
  if (!error.empty())
    fprintf(stderr, "%s\n", error.c_str());
  return error.empty() ? exit_ok : exit_failed;
}

/// Submits over the bus like any other client; an empty text, or what to tell.
std::string submit_and_wait(bus& link, const subjects& names, const std::string& id, const submit_request& submission,
                            event_queue& queue) {
  // Intake subscribes a few milliseconds after it was spawned: ask again until somebody listens.
  for (int attempt = 0; attempt < 100; ++attempt) {
    link.request(names.request_submit(), encode_message("submit-" + id, id, submission), milliseconds{10000},
                 [&queue](std::optional<bus_message> answer, const std::string& error) {
                   envelope e;
                   e.kind = "error";
                   e.body = error;
                   std::vector<codec_error> errors;
                   if (answer)
                     e = decode_envelope(answer->body, errors).value_or(e);
                   queue.push(std::move(e));
                 });
    envelope answer;
    const auto why = queue.next(milliseconds{12000}, answer);
    if (why == wake::signal)
      return "interrupted";
    if (answer.kind == message_kind<request_accepted>::value)
      return {};
    if (auto refused = message_as<request_refused>(answer)) {
      print_errors(refused->errors);
      return "refused";
    }
    if (why == wake::event && answer.kind != "error")
      return "unexpected answer " + answer.kind;
    envelope pause;
    queue.next(milliseconds{10}, pause);
  }
  return "no answer to the submission";
}

struct local_profile {
  std::unique_ptr<private_server> server;
  std::shared_ptr<bus> link;
};

/// A private server under the output directory, or the server of `--nats`.
bool start_bus(local_profile& local, const std::string& directory, const command_line& args) {
  std::string error;
  if (args.has("nats")) {
    local.link = connect_from(args);
    // An installation that is there keeps the limits that its serve gave it.
    const subjects names{args.value("prefix")};
    if (local.link && !find_streams(*local.link, names).empty())
      error = prepare_streams(*local.link, names);
    if (!error.empty())
      fprintf(stderr, "%s\n", error.c_str());
    return local.link && error.empty();
  }
  local.server = private_server::start(directory + "/.sextant/nats", error);
  if (local.server) {
    nats_settings settings;
    settings.url = local.server->url();
    settings.token = local.server->token();
    local.link = connect_nats(settings, error);
  }
  if (local.link)
    error = prepare_streams(*local.link, subjects{});
  if (error.empty())
    return true;
  fprintf(stderr, "no message server: %s\n", error.c_str());
  return false;
}

} // namespace

int run_profile(const command_line& args) {
  auto submission = submission_from(args);
  if (!submission)
    return exit_bad_input;
  settle_host_options(args, *submission);
  auto checked = read_request("profile", *submission);
  if (auto* errors = std::get_if<std::vector<document_error>>(&checked)) {
    name_as_flags(*errors);
    print_errors(*errors);
    return exit_bad_input;
  }
  auto request = std::get<profile_request>(std::move(checked));
  const auto directory =
      fs::absolute(request.output_dir.empty() ? "profiling_results" : request.output_dir).lexically_normal().string();
  request.id = args.has("id") ? args.value("id") : request_id_of(request);
  if (!valid_request_id(request.id)) {
    fprintf(stderr, "--id: found \"%s\", accepted: 1 to 128 letters, digits, '-' and '_'\n", request.id.c_str());
    return exit_bad_input;
  }
  std::error_code code;
  fs::create_directories(directory, code);
  if (code) {
    fprintf(stderr, "%s: cannot be created: %s\n", directory.c_str(), code.message().c_str());
    return exit_bad_input;
  }
  if (request.dry_run) {
    const auto core = make_search(request);
    print_plan(request, *core);
    return write_plan(directory, *core);
  }
  const auto log = args.value("log-file");
  start_logging(log.empty() ? directory + "/profile_sla.log" : log, args.value("log-level"));

  std::vector<document_error> host_errors;
  const auto host = make_host(request.host, args, directory, request.pool_gpus, request.kubernetes_namespace, host_errors);
  if (!host) {
    print_errors(host_errors);
    return exit_bad_input;
  }
  local_profile local;
  if (!start_bus(local, directory, args))
    return exit_failed;
  event_queue queue;
  watch_end end;
  running_status status{directory};
  {
    installation_settings settings;
    if (args.has("nats"))
      settings.names = subjects{args.value("prefix")};
    else // what was begun in this directory with other options would come first
      settings.only_request = request.id;
    settings.gpus = request.pool_gpus;
    settings.host = host;
    settings.output_root = directory;
    settings.folder_per_request = false;
    settings.files = named_files::of_writer;
    settings.on_give_up = [&queue](const std::string& why) { queue.fail("gave up: " + why); };
    auto roles = installation::start(settings, local.link);
    const auto trouble = submit_and_wait(*local.link, settings.names, request.id, *submission, queue);
    if (trouble.empty()) {
      const auto view = status.relayed(
          make_console(args.flag("json-events") ? "json" : "auto", request.model.name + "  (" + request.id + ")"));
      end = watch_request(*local.link, settings.names, request.id, queue, *view);
      view->done();
    } else if (trouble == "interrupted") {
      end.exit = exit_interrupted;
    } else {
      fprintf(stderr, "%s\n", trouble.c_str());
    }
  }
  local.link->flush(milliseconds{2000});
  local.link->close();
  status.ended(request, end);
  if (end.result)
    fputs(answer_text(request, *end.result, end.directory).c_str(), args.flag("json-events") ? stderr : stdout);
  else if (end.exit == exit_interrupted)
    fprintf(stderr, "\ninterrupted: results so far are kept in %s; run the same command again to go on\n",
            directory.c_str());
  spdlog::shutdown();
  return end.exit;
}

} // namespace sextant
