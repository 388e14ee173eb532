// serve.cpp: `sextant serve`: the roles of one node, at a server that others use too, until a signal ends it.
#include <cstdio>
#include <filesystem>
#include <future>
#include <thread>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "actors/runtime/installation.hpp"
#include "tools/sextant/hosts.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

std::string host_name() {
  char name[256] = "node";
  gethostname(name, sizeof name - 1);
  return name;
}

/// Waits until the roles answer, so that what is said to be served really is. Asks the one question that changes nothing.
bool roles_answer(bus& link, const subjects& names) {
  for (int attempt = 0; attempt < 500; ++attempt) {
    std::promise<bool> promise;
    link.request(
        names.request_list(), "{}", std::chrono::milliseconds{1000},
        [&promise](std::optional<bus_message> answer, const std::string&) { promise.set_value(answer.has_value()); });
    if (promise.get_future().get())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

} // namespace

int run_serve(const command_line& args) {
  const auto directory = std::filesystem::absolute(args.value("output-dir")).lexically_normal().string();
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) {
    fprintf(stderr, "--output-dir: %s cannot be created: %s\n", directory.c_str(), code.message().c_str());
    return exit_bad_input;
  }
  const auto log = args.value("log-file");
  start_logging(log.empty() ? directory + "/serve.log" : log, args.value("log-level"));
  const int gpus = std::stoi(args.value("gpus"));
  std::vector<document_error> host_errors;
  const auto host = make_host(args.value("host"), args, directory, gpus, host_errors);
  if (!host) {
    print_errors(host_errors);
    return exit_bad_input;
  }
  auto link = connect_from(args);
  if (!link)
    return exit_failed;
  installation_settings settings;
  settings.names = subjects{args.value("prefix")};
  settings.node = args.has("node-name") ? args.value("node-name") : host_name();
  settings.gpus = gpus;
  settings.host = host;
  settings.output_root = directory;
  settings.forced_options = {{"gpus", args.value("gpus")}, {"host", args.value("host")}};
  if (auto error = prepare_streams(*link, settings.names); !error.empty()) {
    fprintf(stderr, "%s\n", error.c_str());
    return exit_failed;
  }
  event_queue queue;
  settings.on_give_up = [&queue](const std::string& why) { queue.fail("gave up: " + why); };
  int exit = exit_ok;
  {
    auto roles = installation::start(settings, link);
    if (!roles_answer(*link, settings.names))
      queue.fail("the roles do not answer");
    fprintf(stderr, "serving %s with %d GPUs (%s host, node %s), results under %s\n", settings.names.prefix().c_str(),
            settings.gpus, args.value("host").c_str(), settings.node.c_str(), directory.c_str());
    for (;;) {
      envelope none;
      if (queue.next(std::chrono::milliseconds{60000}, none) == wake::signal)
        break;
      if (auto failure = queue.failure_text()) {
        fprintf(stderr, "%s\n", failure->c_str());
        exit = exit_failed;
        break;
      }
    }
    fprintf(stderr, "ending: engines first, then this process; unfinished requests go on at the next serve\n");
  }
  link->flush(std::chrono::milliseconds{2000});
  link->close();
  spdlog::shutdown();
  return exit;
}

} // namespace sextant
