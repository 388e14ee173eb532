// serve.cpp: `sextant serve` and `sextant agent`: roles at a server that others use too, until a signal ends them.
#include <cstdio>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "actors/runtime/installation.hpp"
#include "messages/codec.hpp"
#include "tools/sextant/hosts.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

/// Roles of a process without GPUs, and of one that has nothing else.
const std::set<std::string> control_roles{"intake", "search", "artifacts"};
const std::set<std::string> node_roles{"deployment", "load", "metrics"};

std::string host_name() {
  char name[256] = "node";
  gethostname(name, sizeof name - 1);
  return name;
}

/// What both commands read alike.
installation_settings settings_from(const command_line& args) {
  installation_settings settings;
  settings.names = subjects{args.value("prefix")};
  settings.node = args.has("node-name") ? args.value("node-name") : host_name();
  settings.pool = args.value("pool");
  settings.zone = args.has("zone") ? args.value("zone") : settings.node;
  if (args.has("gpu"))
    settings.gpu = args.value("gpu");
  settings.gpus = std::stoi(args.value("gpus"));
  settings.version = SEXTANT_VERSION;
  return settings;
}

/// An output directory that exists; nothing and the reason printed if it cannot.
std::optional<std::string> output_directory(const std::string& path) {
  auto directory = std::filesystem::absolute(path).lexically_normal().string();
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (!code)
    return directory;
  fprintf(stderr, "--output-dir: %s cannot be created: %s\n", directory.c_str(), code.message().c_str());
  return std::nullopt;
}

/// The host of this process's GPUs; nothing and every reason printed if it cannot work here.
std::shared_ptr<engine_host> host_of(const command_line& args, const std::string& directory, int gpus) {
  std::vector<document_error> errors;
  auto host = make_host(args.value("host"), args, directory, gpus, args.value("namespace"), errors);
  if (!host)
    print_errors(errors);
  return host;
}

std::set<std::string> roles_from(const std::string& list) {
  std::set<std::string> roles;
  for (size_t begin = 0; begin < list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    roles.insert(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return roles;
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

/// Waits until this process holds its node's lease. A process that was killed leaves it for some seconds; one that lives
/// keeps it, and then the answer is who that is.
std::string wait_for_node(bus& link, const installation_settings& settings, const std::string& instance) {
  std::mutex mutex;
  std::string holder;
  auto entries = link.follow_bucket(settings.names.node_bucket(),
                                    [&](bus_message m) {
                                      std::vector<codec_error> errors;
                                      auto e = decode_envelope(m.body, errors);
                                      auto now = e ? message_as<node_alive>(*e) : std::nullopt;
                                      const std::lock_guard guard{mutex};
                                      if (now && now->node == settings.node)
                                        holder = now->instance;
                                    },
                                    {});
  for (int i = 0; i < 1000; ++i) {
    {
      const std::lock_guard guard{mutex};
      if (holder == instance)
        return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  const std::lock_guard guard{mutex};
  return holder.empty() ? "node " + settings.node + " could not be registered"
                        : "node " + settings.node + " belongs to another process (" + holder
                              + "): end it, or give this one a --node-name of its own";
}

stream_limits limits_from(const command_line& args) {
  stream_limits limits;
  limits.retention = std::chrono::hours{std::stoi(args.value("retention"))};
  limits.store_gib = std::stod(args.value("store-limit"));
  limits.max_requests = std::stoll(args.value("max-requests"));
  limits.replicas = std::stoi(args.value("stream-replicas"));
  return limits;
}

/// Waits for a serve to have made the streams; false: a signal came first.
bool wait_for_streams(bus& link, const subjects& names) {
  event_queue queue;
  std::string told;
  for (;;) {
    const auto missing = find_streams(link, names);
    if (missing.empty())
      return true;
    if (told != missing)
      fprintf(stderr, "waiting for a `sextant serve` of %s: %s\n", names.prefix().c_str(), missing.c_str());
    told = missing;
    envelope none;
    if (queue.next(std::chrono::milliseconds{500}, none) == wake::signal)
      return false;
  }
}

/// Runs roles until a signal or until they give up; `ready` returns why they could not begin, or nothing.
int run_roles(installation_settings settings, const std::shared_ptr<bus>& link,
              const std::function<std::string(const installation&)>& ready, const std::string& last_words) {
  event_queue queue;
  settings.on_give_up = [&queue](const std::string& why) { queue.fail("gave up: " + why); };
  int exit = exit_ok;
  {
    auto roles = installation::start(std::move(settings), link);
    if (auto error = ready(*roles); !error.empty())
      queue.fail(error);
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
    fprintf(stderr, "%s\n", last_words.c_str());
  }
  link->flush(std::chrono::milliseconds{2000});
  link->close();
  spdlog::shutdown();
  return exit;
}

} // namespace

int run_serve(const command_line& args) {
  const auto directory = output_directory(args.value("output-dir"));
  if (!directory)
    return exit_bad_input;
  auto settings = settings_from(args);
  settings.output_root = *directory;
  settings.forced_options = {{"host", args.value("host")}};
  settings.roles = control_roles;
  const auto log = args.value("log-file");
  start_logging(log.empty() ? *directory + "/serve.log" : log, args.value("log-level"));
  if (settings.gpus > 0) {
    settings.roles.insert(node_roles.begin(), node_roles.end());
    settings.forced_options["gpus"] = args.value("gpus");
    settings.host = host_of(args, *directory, settings.gpus);
    if (!settings.host)
      return exit_bad_input;
  }
  auto link = connect_from(args);
  if (!link)
    return exit_failed;
  if (auto error = prepare_streams(*link, settings.names, limits_from(args)); !error.empty()) {
    fprintf(stderr, "%s\n", error.c_str());
    return exit_failed;
  }
  const auto ready = [&](const installation&) -> std::string {
    if (!roles_answer(*link, settings.names))
      return "the roles do not answer";
    fprintf(stderr, "serving %s with %d GPUs (%s host, node %s), results under %s\n", settings.names.prefix().c_str(),
            settings.gpus, args.value("host").c_str(), settings.node.c_str(), directory->c_str());
    return {};
  };
  return run_roles(settings, link, ready,
                   "ending: engines first, then this process; unfinished requests go on at the next serve");
}

int run_agent(const command_line& args) {
  const auto directory = output_directory(args.has("output-dir") ? args.value("output-dir") : "sextant_agent");
  if (!directory)
    return exit_bad_input;
  auto settings = settings_from(args);
  settings.roles = roles_from(args.value("roles"));
  const bool owns_gpus = settings.roles.count("deployment") != 0;
  const auto log = args.value("log-file");
  start_logging(log.empty() ? *directory + "/agent.log" : log, args.value("log-level"));
  if (owns_gpus && !(settings.host = host_of(args, *directory, settings.gpus)))
    return exit_bad_input;
  auto link = connect_from(args);
  if (!link)
    return exit_failed;
  if (!wait_for_streams(*link, settings.names))
    return exit_ok;
  const auto ready = [&](const installation& roles) -> std::string {
    if (!owns_gpus) {
      fprintf(stderr, "node %s: %s for zone %s of %s\n", settings.node.c_str(), args.value("roles").c_str(),
              settings.zone.c_str(), settings.names.prefix().c_str());
      return {};
    }
    auto error = wait_for_node(*link, settings, roles.instance());
    if (error.empty())
      fprintf(stderr, "node %s offers %d GPUs to pool %s of %s (%s host)\n", settings.node.c_str(), settings.gpus,
              settings.pool.c_str(), settings.names.prefix().c_str(), args.value("host").c_str());
    return error;
  };
  return run_roles(settings, link, ready, "ending: engines first, then this process; their points are measured elsewhere");
}

} // namespace sextant
