// final_dgd.cpp: What a cluster applies: both chosen engines, the planner and its data, and the same with mockers.
#include "adapters/backends/dgd.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "adapters/backends/documents.hpp"
#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/templates.hpp"
#include "adapters/backends/wishes.hpp"

namespace sextant {

namespace {

constexpr std::string_view workspace = "/workspace";

bool is_beta(const profile_request& request) {
  return request.api == request_api::v1beta1;
}

// Releases up to 0.9 expect the bare name; later ones keep the data of two requests in one namespace apart.
std::string suffixed(const profile_request& request, std::string_view name) {
  const auto& salt = request.id.empty() ? request.name : request.id;
  return is_beta(request) ? std::string{name} + "-" + short_hash(salt) : std::string{name};
}

std::string profile_data_name(const profile_request& request) {
  return suffixed(request, "planner-profile-data");
}

std::string profile_data_mount() {
  return std::string{workspace} + "/profiling_results";
}

// Rounded so that the document stays readable and small: annotations that carry it are limited in size.
double rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}

nlohmann::ordered_json prefill_json(const profile_result& result) {
  nlohmann::ordered_json isl = nlohmann::ordered_json::array(), ttft = isl, throughput = isl;
  for (const auto& s : result.prefill_curve) {
    isl.push_back(s.isl);
    ttft.push_back(rounded(s.ttft_ms, 1e6));
    throughput.push_back(rounded(s.throughput_per_gpu, 1e6));
  }
  return {{"prefill_isl", isl}, {"prefill_ttft", ttft}, {"prefill_thpt_per_gpu", throughput}};
}

nlohmann::ordered_json decode_json(const profile_result& result) {
  nlohmann::ordered_json x = nlohmann::ordered_json::array(), y = x, itl = x, throughput = x;
  for (const auto& s : result.decode_grid) {
    x.push_back(rounded(s.kv_usage, 1e12));
    y.push_back(s.context_length);
    itl.push_back(rounded(s.itl_ms, 1e6));
    throughput.push_back(rounded(s.throughput_per_gpu, 1e6));
  }
  return {{"x_kv_usage", x},
          {"y_context_length", y},
          {"z_itl", itl},
          {"z_thpt_per_gpu", throughput},
          {"max_kv_tokens", result.max_kv_tokens}};
}

yaml_tree configmap(const profile_request& request, const std::string& name, yaml_tree data) {
  auto metadata = yaml_tree::map({{"name", name}});
  if (!request.kubernetes_namespace.empty())
    metadata["namespace"] = request.kubernetes_namespace;
  return yaml_tree::map({{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", metadata}, {"data", std::move(data)}});
}

yaml_tree profile_data(const profile_request& request, const profile_result& result) {
  return configmap(request, profile_data_name(request),
                   yaml_tree::map({{"prefill_raw_data.json", prefill_json(result).dump()},
                                   {"decode_raw_data.json", decode_json(result).dump()}}));
}

// Without a choice the smallest engine is written, as the reference does on a dry run.
mapping chosen(const profile_request& request, const selected_engine& pick) {
  return pick.engine.empty() ? mapping{mapping_method::tp, request.min_gpus_per_engine} : pick.layout;
}

std::string underscored(std::string_view name) {
  std::string out{name};
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

std::string hyphened(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += c == '_' ? '-' : c;
  return out;
}

// Planner options as given, without the prefix that only tells them apart from the profiler's own.
std::map<std::string, std::string> planner_options(const profile_request& request) {
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : request.planner) {
    auto name = hyphened(key);
    if (name.starts_with("planner-"))
      name.erase(0, 8);
    result[name] = value;
  }
  return result;
}

std::string number_text(double value) {
  return nlohmann::ordered_json(value == std::floor(value) && std::abs(value) < 1e15
                                    ? nlohmann::ordered_json(static_cast<int64_t>(value))
                                    : nlohmann::ordered_json(value))
      .dump();
}

std::vector<std::string> planner_arguments(const profile_request& request, const profile_result& result,
                                           std::string_view backend) {
  // Decided here, whatever was asked for.
  static const std::set<std::string> own{"namespace", "prefill-engine-num-gpu", "decode-engine-num-gpu",
                                         "profile-results-dir"};
  auto options = planner_options(request);
  options.emplace("ttft", number_text(request.sla.ttft_ms));
  options.emplace("itl", number_text(request.sla.itl_ms));
  options["backend"] = backend;
  std::vector<std::string> args;
  for (const auto& [name, value] : options) {
    if (own.contains(name))
      continue;
    // Switches have no value: `true` sets them, `false` leaves them out.
    if (value == "true")
      args.push_back("--" + name);
    else if (value != "false")
      args.push_back("--" + name + "=" + value);
  }
  args.push_back("--prefill-engine-num-gpu=" + std::to_string(chosen(request, result.prefill).gpus));
  args.push_back("--decode-engine-num-gpu=" + std::to_string(chosen(request, result.decode).gpus));
  args.push_back("--profile-results-dir=" + profile_data_mount());
  return args;
}

nlohmann::ordered_json planner_config(const profile_request& request, const profile_result& result,
                                      std::string_view backend) {
  nlohmann::ordered_json config;
  config["environment"] = "kubernetes";
  config["mode"] = "disagg";
  config["pre_deployment_sweeping_mode"] = curves_exist(result) ? "thorough" : "none";
  // The measured curves are of use for a planner that scales to a latency target only.
  config["optimization_target"] = "sla";
  config["enable_throughput_scaling"] = curves_exist(result);
  config["enable_load_scaling"] = !curves_exist(result);
  config["ttft"] = request.sla.ttft_ms;
  config["itl"] = request.sla.itl_ms;
  for (const auto& [name, value] : planner_options(request)) {
    const auto parsed = nlohmann::ordered_json::parse(value, nullptr, false);
    config[underscored(name)] = parsed.is_discarded() ? nlohmann::ordered_json(value) : parsed;
  }
  if (const auto own = request.extra.find("planner-config"); own != request.extra.end())
    if (const auto object = nlohmann::ordered_json::parse(own->second, nullptr, false); object.is_object())
      config.update(object);
  // The first releases know the targets without their unit, the newest with it.
  for (const std::string name : {"ttft", "itl"})
    config.contains(name + "_ms") ? config[name] = config[name + "_ms"] : config[name + "_ms"] = config[name];
  config["backend"] = backend;
  config["model_name"] = request.model.name;
  config["prefill_engine_num_gpu"] = chosen(request, result.prefill).gpus;
  config["decode_engine_num_gpu"] = chosen(request, result.decode).gpus;
  config["profile_results_dir"] = profile_data_mount();
  return config;
}

void mount_configmap(yaml_tree& service, const std::string& name, const std::string& path) {
  auto& pod = service["extraPodSpec"];
  pod["volumes"].append(yaml_tree::map({{"name", name}, {"configMap", yaml_tree::map({{"name", name}})}}));
  pod["mainContainer"]["volumeMounts"].append(yaml_tree::map({{"name", name}, {"mountPath", path}, {"readOnly", true}}));
}

std::string frontend_image(yaml_tree& dgd) {
  auto* frontend = frontend_of(dgd);
  auto* pod = frontend ? frontend->find("extraPodSpec") : nullptr;
  auto* container = pod ? pod->find("mainContainer") : nullptr;
  return container ? container->text_at("image") : std::string{};
}

// Adds the planner and returns the ConfigMaps that it mounts.
std::vector<yaml_tree> add_planner(yaml_tree& dgd, const profile_request& request, const profile_result& result,
                                   std::string_view backend) {
  std::vector<yaml_tree> configmaps;
  auto planner = yaml_tree::map({{"componentType", "planner"}, {"replicas", 1}});
  const auto* frontend = frontend_of(dgd);
  if (!is_beta(request)) {
    const auto group = frontend ? frontend->text_at("dynamoNamespace") : std::string{};
    planner["dynamoNamespace"] = group.empty() ? "dynamo" : group;
  }
  auto& container = planner["extraPodSpec"]["mainContainer"];
  if (const auto image = frontend_image(dgd); !image.empty())
    container["image"] = is_beta(request) ? sibling_image(image, "dynamo-planner") : image;
  container["workingDir"] = std::string{workspace} + "/components/src/dynamo/planner";
  if (is_beta(request)) {
    const auto name = suffixed(request, "planner-config");
    container["command"] = yaml_tree::texts({"python3", "-m", "dynamo.planner"});
    container["args"] = yaml_tree::texts({"--config", std::string{workspace} + "/planner_config/planner_config.json"});
    mount_configmap(planner, name, std::string{workspace} + "/planner_config");
    configmaps.push_back(configmap(
        request, name, yaml_tree::map({{"planner_config.json", planner_config(request, result, backend).dump(2) + "\n"}})));
  } else {
    container["command"] = yaml_tree::texts({"python3", "-m", "planner_sla"});
    container["args"] = yaml_tree::texts(planner_arguments(request, result, backend));
  }
  if (curves_exist(result)) {
    mount_configmap(planner, profile_data_name(request), profile_data_mount());
    configmaps.push_back(profile_data(request, result));
  }
  dgd["spec"]["services"]["Planner"] = std::move(planner);
  return configmaps;
}

std::string join(const std::vector<yaml_tree>& configmaps, const yaml_tree& dgd) {
  std::string out;
  for (const auto& configmap : configmaps)
    out += write_yaml(configmap) + "---\n";
  return out + write_yaml(dgd);
}

// What the 1.x planner needs at a worker: an adapter to scale it, and vLLM's own benchmark of its role.
void prepare_for_scaling(yaml_tree& service, const profile_request& request, phase role, bool mocker) {
  if (!is_beta(request))
    return;
  service["scalingAdapter"]["enabled"] = true;
  if (request.backend == backend_kind::vllm && !mocker)
    service["envs"].append(yaml_tree::map({{"name", "DYN_BENCHMARK_MODE"}, {"value", std::string{to_text(role)}}}));
}

} // namespace

std::string final_dgd(const profile_request& request, const profile_result& result, std::string& error) {
  auto dgd = base_document(request, error);
  if (!dgd)
    return {};
  for (const auto role : {phase::prefill, phase::decode}) {
    auto* service = service_of(*dgd, request.backend, role);
    if (!service)
      continue;
    const auto layout = chosen(request, role == phase::prefill ? result.prefill : result.decode);
    set_mapping(*service, request.backend, layout, request.gpus_per_node);
    if (role == phase::prefill)
      set_prefill_limits(*service, request.backend, layout);
    prepare_for_scaling(*service, request, role, false);
  }
  apply_final_wishes(*dgd, request);
  std::vector<yaml_tree> configmaps;
  if (wants_planner(request))
    configmaps = add_planner(*dgd, request, result, to_text(request.backend));
  return join(configmaps, *dgd);
}

std::string mocker_dgd(const profile_request& request, const profile_result& result, std::string& error) {
  error.clear();
  auto documents = parse_yaml(mocker_template(request.api), error);
  if (documents.empty())
    return {};
  auto& dgd = documents.front();
  if (!request.kubernetes_namespace.empty())
    dgd["metadata"]["namespace"] = request.kubernetes_namespace;
  if (!request.image.empty())
    set_image(dgd, request.image);
  set_model_cache(dgd, request);
  for (const auto role : {phase::prefill, phase::decode}) {
    auto* service = service_of(dgd, request.backend, role);
    auto args = arguments_of(*service);
    args.set("--model-path", model_path(request));
    args.set("--model-name", request.model.name);
    if (curves_exist(result)) {
      args.set("--planner-profile-data", profile_data_mount());
      mount_configmap(*service, profile_data_name(request), profile_data_mount());
    }
    set_arguments(*service, args);
    prepare_for_scaling(*service, request, role, true);
  }
  apply_final_wishes(dgd, request);
  std::vector<yaml_tree> configmaps;
  if (wants_planner(request))
    configmaps = add_planner(dgd, request, result, "mocker");
  else if (curves_exist(result))
    configmaps.push_back(profile_data(request, result));
  return join(configmaps, dgd);
}

std::string planner_configmap(const profile_request& request, const profile_result& result) {
  return curves_exist(result) ? write_yaml(profile_data(request, result)) : std::string{};
}

} // namespace sextant
