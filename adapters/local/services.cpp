// services.cpp: From a deployment document to processes.
#include "adapters/local/services.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <initializer_list>

#include "adapters/backends/arguments.hpp"
#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/templates.hpp"

namespace sextant::local {

namespace {

const yaml_tree* container_of(const yaml_tree& service) {
  const auto* pod = service.find("extraPodSpec");
  return pod ? pod->find("mainContainer") : nullptr;
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_shell(const std::vector<std::string>& command) {
  if (command.size() < 2)
    return false;
  const auto name = last_part(command.front());
  return (name == "sh" || name == "bash") && command.back().starts_with("-")
         && command.back().find('c') != std::string::npos;
}

int number_at(const yaml_tree* map, std::string_view key, int otherwise) {
  const auto* value = map ? map->find(key) : nullptr;
  if (!value)
    return otherwise;
  int number = otherwise;
  const auto& text = value->scalar();
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void read_environment(const yaml_tree* list, std::vector<std::pair<std::string, std::string>>& out) {
  if (list)
    for (const auto& entry : list->items())
      if (entry.find("value")) // values from secrets and fields are the cluster's
        out.emplace_back(entry.text_at("name"), entry.find("value")->scalar());
}

/// Services that only mean something in a cluster.
bool is_clusters_own(const std::string& name, const yaml_tree& service) {
  const auto type = service.text_at("componentType");
  return name == "Planner" || type == "planner" || type == "epp" || type == "default";
}

std::vector<std::string> command_of(const yaml_tree& service, bool frontend, backend_kind backend) {
  const auto* container = container_of(service);
  const auto* command = container ? container->find("command") : nullptr;
  if (command && !command->items().empty())
    return command->scalars();
  return {"python3", "-m", frontend ? std::string{"dynamo.frontend"} : std::string{names_of(backend).module}};
}

service_process process_of(const yaml_tree& service, bool frontend, backend_kind backend) {
  service_process process;
  process.frontend = frontend;
  const auto command = command_of(service, frontend, backend);
  process.arguments = command;
  process.shell = is_shell(command);
  const auto args = arguments_of(service);
  if (process.shell)
    process.arguments.push_back(args.script());
  else
    for (auto& argument : args.exec())
      process.arguments.push_back(argument);
  const auto role = service.text_at("subComponentType");
  process.role = from_text<phase>(role);
  process.mocked = std::any_of(process.arguments.begin(), process.arguments.end(), [](const std::string& argument) {
    return argument.find("dynamo.mocker") != std::string::npos;
  });
  const auto* container = container_of(service);
  process.directory = container ? container->text_at("workingDir") : std::string{};
  if (const auto group = service.text_at("dynamoNamespace"); !group.empty())
    process.environment.emplace_back("DYN_NAMESPACE", group);
  read_environment(service.find("envs"), process.environment);
  read_environment(container ? container->find("env") : nullptr, process.environment);
  const auto* resources = service.find("resources");
  const auto* limits = resources ? resources->find("limits") : nullptr;
  const auto* requests = resources ? resources->find("requests") : nullptr;
  process.gpus = frontend ? 0 : std::max(0, number_at(limits, "gpu", number_at(requests, "gpu", 1)));
  return process;
}

/// Value of the first of these flags that a worker has.
std::string first_value(const service_process& worker, std::initializer_list<std::string_view> flags) {
  for (const auto flag : flags)
    if (auto value = worker.value(flag))
      return *value;
  return {};
}

/// Everything behind the module's name, as arguments that can be changed.
argument_list flags_of(const service_process& process) {
  if (process.shell)
    return argument_list::from_script(process.arguments.back());
  return argument_list::from_exec(process.arguments);
}

} // namespace

std::optional<std::string> service_process::value(std::string_view flag) const {
  return flags_of(*this).value(flag);
}

bool service_process::has(std::string_view flag) const {
  return flags_of(*this).has(flag);
}

void service_process::set(std::string_view flag, std::string_view value) {
  auto flags = flags_of(*this);
  flags.set(flag, value);
  if (shell)
    arguments.back() = flags.script();
  else
    arguments = flags.exec();
}

std::optional<service_plan> plan_services(const std::string& dgd, backend_kind backend, std::string& error) {
  auto documents = parse_yaml(dgd, error);
  const auto document = std::find_if(documents.begin(), documents.end(),
                                     [](const yaml_tree& d) { return d.text_at("kind") == "DynamoGraphDeployment"; });
  const auto* spec = document == documents.end() ? nullptr : document->find("spec");
  const auto* services = spec ? spec->find("services") : nullptr;
  if (!services || services->entries().empty()) {
    error = error.empty() ? "the deployment has no spec.services" : "the deployment cannot be read: " + error;
    return std::nullopt;
  }
  service_plan plan;
  const auto* frontend = frontend_of(*document);
  for (const auto& [name, service] : services->entries()) {
    if (is_clusters_own(name, service))
      continue;
    const bool first = &service == frontend;
    if (const int nodes = number_at(service.find("multinode"), "nodeCount", 1); nodes > 1) {
      error = name + " needs " + std::to_string(nodes) + " nodes; this host is one machine";
      return std::nullopt;
    }
    auto process = process_of(service, first, backend);
    read_environment(spec->find("envs"), process.environment);
    const int replicas = first ? 1 : number_at(&service, "replicas", 1);
    for (int i = 0; i < replicas; ++i) {
      auto copy = process;
      copy.name = first ? name : name + "-" + std::to_string(i);
      plan.gpus += copy.gpus;
      plan.mocked = plan.mocked || copy.mocked;
      plan.processes.insert(first ? plan.processes.begin() : plan.processes.end(), std::move(copy));
    }
  }
  bool prefill = false, decode = false;
  for (const auto& process : plan.processes) {
    if (process.frontend)
      continue;
    prefill = prefill || process.role == phase::prefill;
    decode = decode || process.role == phase::decode;
    if (plan.served_model.empty()) {
      plan.served_model = first_value(process, {"--served-model-name", "--model-name", "--model", "--model-path"});
      plan.model_path = first_value(process, {"--model", "--model-path", "--served-model-name"});
    }
  }
  plan.disaggregated = prefill && decode;
  if (!frontend)
    error = "the deployment has no frontend";
  else if (plan.served_model.empty())
    error = "the deployment has no worker that names its model";
  return error.empty() ? std::optional{std::move(plan)} : std::nullopt;
}

void settle(service_process& process, const engine_place& engine, const process_place& place) {
  const std::string loopback = "127.0.0.1";
  std::vector<std::pair<std::string, std::string>> added{
      {"DYN_DISCOVERY_BACKEND", "file"},
      {"DYN_STORE_KV", "file"}, // what 0.7 and 0.8 call it
      {"DYN_FILE_KV", engine.directory + "/discovery"},
      {"DYN_REQUEST_PLANE", "tcp"},
      {"DYN_EVENT_PLANE", "zmq"},
      {"DYN_TCP_RPC_HOST", loopback},
      {"DYN_TCP_RESPONSE_STREAM_HOST", engine.loopback},
      {"DYN_EVENT_PLANE_HOST", loopback},
      {"DYN_SYSTEM_HOST", loopback},
      {"DYN_SELF_HOST_METADATA", "0"},
      {"NO_COLOR", "1"},
      {"PYTHONUNBUFFERED", "1"},
  };
  if (process.frontend) {
    process.set("--http-host", loopback);
    process.set("--http-port", std::to_string(engine.http_port));
    // The KV capacity is read from its metrics: not only once in eight seconds.
    added.emplace_back("DYN_HTTP_SVC_CONFIG_METRICS_POLL_INTERVAL_SECS", "1");
  } else {
    std::string gpus;
    for (const int gpu : place.gpus)
      gpus += (gpus.empty() ? "" : ",") + std::to_string(gpu);
    added.emplace_back("CUDA_DEVICE_ORDER", "PCI_BUS_ID"); // as the driver's own tools count
    added.emplace_back("CUDA_VISIBLE_DEVICES", gpus);
    added.emplace_back("DYN_SYSTEM_ENABLED", "true"); // up to 0.8
    added.emplace_back("DYN_SYSTEM_PORT", std::to_string(place.system_port));
    added.emplace_back("VLLM_NIXL_SIDE_CHANNEL_HOST", loopback);
    added.emplace_back("VLLM_NIXL_SIDE_CHANNEL_PORT", std::to_string(place.transfer_port));
    if (process.has("--disaggregation-bootstrap-port"))
      process.set("--disaggregation-bootstrap-port", std::to_string(place.bootstrap_port));
    if (process.value("--host") == "0.0.0.0")
      process.set("--host", loopback);
  }
  if (engine.offline) {
    added.emplace_back("HF_HUB_OFFLINE", "1");
    added.emplace_back("TRANSFORMERS_OFFLINE", "1");
  }
  if (!process.shell && last_part(process.arguments.front()).starts_with("python"))
    process.arguments.front() = engine.python;
  const char* path = std::getenv("PATH"); // scripts find the environment's programs first
  added.emplace_back("PATH", engine.python.substr(0, engine.python.rfind('/')) + (path ? ":" + std::string{path} : ""));
  process.environment.insert(process.environment.end(), added.begin(), added.end());
}

} // namespace sextant::local
