// operator.cpp: `sextant operator`: serves DynamoGraphDeploymentRequests of one namespace, until a signal ends it.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "actors/runtime/installation.hpp"
#include "adapters/kubernetes/cluster.hpp"
#include "adapters/kubernetes/leadership.hpp"
#include "adapters/nats/nats_bus.hpp"
#include "adapters/nats/private_server.hpp"
#include "tools/sextant/cluster_host.hpp"
#include "tools/sextant/hosts.hpp"
#include "tools/sextant/operator_desk.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

using namespace kubernetes;
using std::chrono::milliseconds;

/// What the roles of this process need, beside the desk.
struct own_roles {
  std::unique_ptr<private_server> server;
  std::shared_ptr<bus> link;
  std::unique_ptr<installation> roles;
};

std::string class_suffix(const command_line& args) {
  return args.has("class") ? "-" + args.value("class") : std::string{};
}

/// Versions and permissions of both resources; every error at once.
void check_both(api_client& client, operator_settings& settings, std::vector<document_error>& errors) {
  auto requests = check_cluster(client, settings.name_space, "dynamographdeploymentrequests", operator_permissions());
  errors = std::move(requests.errors);
  settings.request_versions = std::move(requests.versions);
  auto deployments = check_cluster(client, settings.name_space, "dynamographdeployments", {});
  settings.deployment_versions = std::move(deployments.versions);
  for (auto& error : deployments.errors)
    if (settings.deployment_versions.empty() && error.found.find("dynamographdeployments.") != std::string::npos)
      errors.push_back(std::move(error));
}

/// What the nodes say of their GPUs, where listing them is permitted.
void discover(api_client& client, const command_line& args, operator_settings& settings, int& gpus) {
  std::string error;
  const auto found = discover_gpus(client, error);
  if (!error.empty())
    return spdlog::info("no-discovery: {}", error);
  if (found.total == 0)
    return;
  spdlog::info("discovered: {} x {} on {} nodes, {} MiB each", found.total, found.product, found.nodes, found.memory_mib);
  settings.discovered["num-gpus-per-node"] = std::to_string(found.gpus_per_node);
  if (!found.system.empty())
    settings.discovered["gpu"] = found.system;
  if (!args.has("gpus"))
    gpus = found.total;
}

/// Whether the holder of a lease, `{host}/{process id}`, was a process of this machine that is gone.
bool ended_on_this_machine(const std::string& holder) {
  const auto own = own_holder_name();
  const auto slash = holder.rfind('/');
  if (slash == std::string::npos || holder == own || holder.substr(0, slash) != own.substr(0, own.rfind('/')))
    return false;
  const auto pid = std::atoi(holder.c_str() + slash + 1);
  return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

/// Waits to lead; false when a signal or a failure comes first.
bool wait_to_lead(event_queue& queue, const std::atomic<bool>& leads, const std::string& lease) {
  bool told = false;
  for (int i = 0; !leads; ++i) {
    envelope none;
    if (queue.next(milliseconds{100}, none) == wake::signal)
      return false;
    if (const auto failure = queue.failure_text()) {
      fprintf(stderr, "%s\n", failure->c_str());
      return false;
    }
    if (i == 20 && !told) {
      fprintf(stderr, "waiting: another process holds the lease %s\n", lease.c_str());
      told = true;
    }
  }
  return true;
}

/// All roles in this process over a private server; error text or nothing.
std::string start_roles(own_roles& own, const command_line& args, const std::string& directory, const std::string& host_kind,
                        int gpus, const std::string& name_space, event_queue& queue, std::vector<document_error>& errors) {
  std::shared_ptr<engine_host> host;
  if (host_kind == "kubernetes")
    host = cluster_host_from(args, name_space, directory, errors,
                             stable_hash("operator:" + name_space + ":" + args.value("class")).substr(0, 16));
  else
    host = make_host(host_kind, args, directory, gpus, name_space, errors);
  if (!host)
    return {};
  std::string error;
  own.server = private_server::start(directory + "/.sextant/nats", error);
  if (own.server) {
    nats_settings nats;
    nats.url = own.server->url();
    nats.token = own.server->token();
    own.link = connect_nats(nats, error);
  }
  if (own.link)
    error = prepare_streams(*own.link, subjects{});
  if (!error.empty())
    return "no message server: " + error;
  installation_settings settings;
  settings.gpus = gpus;
  settings.host = host;
  settings.output_root = directory;
  settings.forced_options = {{"host", host_kind}, {"gpus", std::to_string(gpus)}};
  settings.version = SEXTANT_VERSION;
  settings.on_give_up = [&queue](const std::string& why) { queue.fail("gave up: " + why); };
  own.roles = installation::start(std::move(settings), own.link);
  return {};
}

/// Serves until a signal or until it cannot go on.
int serve(operator_desk& desk, event_queue& queue) {
  for (;;) {
    if (const auto error = desk.turn(); !error.empty())
      queue.fail(error);
    for (;;) {
      envelope event;
      const auto why = queue.next(milliseconds{0}, event);
      if (why == wake::signal)
        return exit_ok;
      if (const auto failure = queue.failure_text()) {
        fprintf(stderr, "%s\n", failure->c_str());
        return exit_failed;
      }
      if (why == wake::time)
        break;
      desk.take(event);
    }
  }
}

} // namespace

int run_operator(const command_line& args) {
  std::vector<document_error> errors;
  const auto access = cluster_access_from(args, errors);
  operator_settings settings;
  settings.name_space =
      args.has("namespace") || !access || access->name_space.empty() ? args.value("namespace") : access->name_space;
  settings.ours.request_class = args.value("class");
  settings.parallel = std::stoi(args.value("parallel"));
  const auto directory = std::filesystem::absolute(args.has("output-dir") ? args.value("output-dir") : "sextant_operator")
                             .lexically_normal()
                             .string();
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code)
    errors.push_back({"--output-dir", 0, 0, "", directory + ": " + code.message(), "a directory that can be created", ""});
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  const auto log = args.value("log-file");
  start_logging(log.empty() ? directory + "/operator.log" : log, args.value("log-level"));
  const auto link = std::make_shared<cluster_link>(*access);
  event_queue queue;
  std::string error;
  auto client = make_api_client(
      link, [&queue] { return queue.failure_text().has_value(); }, error);
  if (!client)
    errors.push_back({"--kubeconfig", 0, 0, "", error, "a usable API server", ""});
  else
    check_both(*client, settings, errors);
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  std::atomic<bool> leads{false};
  const std::string lease = "sextant-operator" + class_suffix(args);
  const auto leader = leadership::run(link, {settings.name_space, lease, own_holder_name(), 15, 3, ended_on_this_machine},
                                      [&](bool now, const std::string& problem) {
                                        if (leads && !now)
                                          queue.fail("no longer the leader: " + problem);
                                        else if (!now && !problem.empty())
                                          queue.fail(problem);
                                        leads = now;
                                      });
  if (!wait_to_lead(queue, leads, lease))
    return queue.failure_text() ? exit_failed : exit_ok;
  int gpus = std::stoi(args.value("gpus"));
  discover(*client, args, settings, gpus);
  const auto host_kind = args.has("host") ? args.value("host") : std::string{"kubernetes"};
  settings.options = {{"host", host_kind}, {"gpus", std::to_string(gpus)}};
  own_roles own;
  subjects names;
  if (args.has("nats")) {
    own.link = connect_from(args);
    if (!own.link)
      return exit_failed;
    names = subjects{args.value("prefix")};
  } else {
    settings.results = directory;
    error = start_roles(own, args, directory, host_kind, gpus, settings.name_space, queue, errors);
    if (!errors.empty() || !error.empty()) {
      print_errors(errors);
      if (!error.empty())
        fprintf(stderr, "%s\n", error.c_str());
      return errors.empty() ? exit_failed : exit_bad_input;
    }
  }
  int exit = exit_ok;
  {
    operator_desk desk{settings, std::move(client), own.link, names, queue};
    fprintf(stderr, "serving DynamoGraphDeploymentRequests of namespace %s (nvidia.com/%s), engines on the %s host\n",
            settings.name_space.c_str(), settings.request_versions.front().c_str(),
            args.has("nats") ? "other installation's" : host_kind.c_str());
    exit = serve(desk, queue);
  }
  fprintf(stderr, "ending: engines first, then this process; unfinished requests go on at the next start\n");
  own.roles.reset();
  own.link->flush(milliseconds{2000});
  own.link->close();
  spdlog::info("calls: {} to the API server, {} again, {} bytes in, {} bytes out", link->calls.load(), link->repeated.load(),
               link->bytes_in.load(), link->bytes_out.load());
  spdlog::shutdown();
  return exit;
}

} // namespace sextant
