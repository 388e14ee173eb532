// modifiers.cpp: The changes themselves, back end by back end.
#include "adapters/backends/modifiers.hpp"

#include <algorithm>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "adapters/backends/templates.hpp"

namespace sextant {

namespace {

constexpr std::string_view override_flag = "--override-engine-args";

void remove_all(argument_list& args, std::initializer_list<std::string_view> flags) {
  for (const auto flag : flags)
    args.remove(flag);
}

// The newest workers take single engine arguments as flags: `--trtllm.kv_cache_config.enable_block_reuse true`.
constexpr std::string_view dynamic_prefix = "--trtllm.";

void set_dynamic(argument_list& args, const std::string& flag, const nlohmann::ordered_json& value) {
  if (value.is_object())
    for (const auto& [key, inner] : value.items())
      set_dynamic(args, flag + "." + key, inner);
  else
    args.set(flag, value.is_null() ? "none" : value.dump());
}

// Merges into TensorRT-LLM's JSON of engine arguments; nested objects are merged, everything else is replaced. A worker that
// is written with single flags and without that JSON gets single flags.
void merge_override(argument_list& args, const nlohmann::ordered_json& change) {
  if (args.has_prefix(dynamic_prefix) && !args.has(override_flag)) {
    for (const auto& [key, value] : change.items())
      set_dynamic(args, std::string{dynamic_prefix} + key, value);
    return;
  }
  auto current = nlohmann::ordered_json::parse(args.value(override_flag).value_or("{}"), nullptr, false);
  if (!current.is_object())
    current = nlohmann::ordered_json::object();
  for (const auto& [key, value] : change.items()) {
    auto& place = current[key];
    if (place.is_object() && value.is_object())
      place.update(value);
    else
      place = value;
  }
  args.set(override_flag, current.dump());
}

bool is_shell(const yaml_tree& container) {
  const auto* command = container.find("command");
  if (!command || command->items().empty())
    return false;
  const auto words = command->scalars();
  const auto& shell = words.front();
  return (shell == "sh" || shell == "bash" || shell.ends_with("/sh") || shell.ends_with("/bash"))
         && words.back().starts_with("-") && words.back().find('c') != std::string::npos;
}

yaml_tree& container_of(yaml_tree& service) {
  return service["extraPodSpec"]["mainContainer"];
}

void convert_vllm(argument_list& args, phase role) {
  remove_all(args, {"--is-prefill-worker", "--is-decode-worker", "--disaggregation-mode", "--enable-prefix-caching",
                    "--no-enable-prefix-caching"});
  args.add(role == phase::prefill ? "--no-enable-prefix-caching" : "--enable-prefix-caching");
}

void convert_sglang(argument_list& args, phase role, bool moe) {
  remove_all(args, {"--disaggregation-mode", "--disaggregation-transfer-backend", "--disaggregation-bootstrap-port"});
  if (role == phase::prefill) {
    args.add("--disable-radix-cache");
    return;
  }
  args.remove("--disable-radix-cache");
  // Round robin brings every warmed prompt back to the rank that holds its KV cache.
  if (moe)
    args.set("--load-balance-method", "round_robin");
}

void convert_trtllm(argument_list& args, phase role) {
  remove_all(args, {"--disaggregation-mode", "--disaggregation-strategy"});
  nlohmann::ordered_json change;
  change["kv_cache_config"]["enable_block_reuse"] = role == phase::decode;
  if (role == phase::prefill)
    change["disable_overlap_scheduler"] = false;
  change["cache_transceiver_config"] = nullptr;
  merge_override(args, change);
}

void map_vllm(argument_list& args, const mapping& layout, int gpus_per_node) {
  const bool hybrid = args.has("--data-parallel-hybrid-lb");
  remove_all(args, {"--tp", "-tp", "--dp", "-dp", "--data-parallel-size-local", "-dpl"});
  args.set("--tensor-parallel-size", std::to_string(layout.tensor_parallel()));
  if (layout.method == mapping_method::tp) {
    remove_all(args, {"--data-parallel-size", "--enable-expert-parallel", "--data-parallel-hybrid-lb"});
    return;
  }
  args.set("--data-parallel-size", std::to_string(layout.attention_data_parallel()));
  args.add("--enable-expert-parallel");
  if (layout.method == mapping_method::tep)
    args.remove("--data-parallel-hybrid-lb");
  else if (hybrid && layout.gpus > gpus_per_node)
    args.set("--data-parallel-size-local", std::to_string(gpus_per_node));
}

void map_sglang(argument_list& args, const mapping& layout) {
  remove_all(args, {"--tp-size", "--tensor-parallel-size", "--ep-size", "--expert-parallel-size", "--dp-size",
                    "--data-parallel-size"});
  const auto gpus = std::to_string(layout.gpus);
  args.set("--tp", gpus);
  if (layout.method == mapping_method::dep) {
    args.set("--dp", gpus);
    args.set("--ep", gpus);
    args.add("--enable-dp-attention");
    return;
  }
  remove_all(args, {"--dp", "--enable-dp-attention"});
  if (layout.method == mapping_method::tep)
    args.set("--ep", gpus);
  else
    args.remove("--ep");
}

void map_trtllm(argument_list& args, const mapping& layout) {
  nlohmann::ordered_json change;
  change["tensor_parallel_size"] = layout.gpus;
  if (layout.method != mapping_method::tp) {
    change["moe_expert_parallel_size"] = layout.gpus;
    change["moe_tensor_parallel_size"] = 1;
    change["enable_attention_dp"] = layout.method == mapping_method::dep;
  }
  merge_override(args, change);
}

void set_gpus(yaml_tree& service, int gpus, int gpus_per_node) {
  const auto per_pod = std::to_string(gpus_per_node > 0 ? std::min(gpus, gpus_per_node) : gpus);
  auto& resources = service["resources"];
  resources["requests"]["gpu"] = per_pod;
  if (resources.find("limits"))
    resources["limits"]["gpu"] = per_pod;
  // More GPUs than a node has can only be served by several pods, whatever the mapping.
  if (gpus_per_node > 0 && gpus > gpus_per_node)
    service["multinode"]["nodeCount"] = (gpus + gpus_per_node - 1) / gpus_per_node;
  else
    service.erase("multinode");
}

void mount(yaml_tree& service, const std::string& claim, const std::string& path) {
  auto& mounts = service["volumeMounts"];
  std::erase_if(mounts.items(), [&](const yaml_tree& m) { return m.text_at("name") == claim; });
  mounts.append(yaml_tree::map({{"name", claim}, {"mountPoint", path}}));
}

} // namespace

std::string service_name_of(const yaml_tree& dgd, backend_kind backend, phase role) {
  const auto* spec = dgd.find("spec");
  const auto* services = spec ? spec->find("services") : nullptr;
  if (!services)
    return {};
  for (const auto& [name, service] : services->entries())
    if (service.text_at("subComponentType") == to_text(role))
      return name;
  const auto& names = names_of(backend);
  const std::string fallback{role == phase::prefill ? names.prefill_service : names.decode_service};
  return services->find(fallback) ? fallback : std::string{};
}

yaml_tree* service_of(yaml_tree& dgd, backend_kind backend, phase role) {
  const auto name = service_name_of(dgd, backend, role);
  return name.empty() ? nullptr : dgd["spec"]["services"].find(name);
}

yaml_tree* frontend_of(yaml_tree& dgd) {
  auto& services = dgd["spec"]["services"];
  for (auto& [name, service] : services.entries())
    if (service.text_at("componentType") == "frontend")
      return &service;
  return services.find("Frontend");
}

argument_list arguments_of(const yaml_tree& service) {
  const auto* pod = service.find("extraPodSpec");
  const auto* container = pod ? pod->find("mainContainer") : nullptr;
  const auto* args = container ? container->find("args") : nullptr;
  if (!args)
    return {};
  if (!args->is_list())
    return argument_list::from_exec({args->scalar()});
  if (is_shell(*container) && !args->items().empty())
    return argument_list::from_script(args->items().front().scalar());
  return argument_list::from_exec(args->scalars());
}

void set_arguments(yaml_tree& service, const argument_list& args) {
  auto& container = container_of(service);
  auto* current = container.find("args");
  if (is_shell(container) && current && current->is_list() && !current->items().empty())
    current->items().front() = args.script();
  else
    container["args"] = yaml_tree::texts(args.exec());
}

void set_image(yaml_tree& dgd, const std::string& image) {
  for (auto& [name, service] : dgd["spec"]["services"].entries())
    if (auto* pod = service.find("extraPodSpec"))
      if (auto* container = pod->find("mainContainer"))
        (*container)["image"] = image;
}

std::string model_path(const profile_request& request) {
  if (request.pvc_name.empty())
    return request.model.name;
  auto mount_point = request.pvc_mount_path.empty() ? std::string{"/opt/model-cache"} : request.pvc_mount_path;
  while (mount_point.size() > 1 && mount_point.back() == '/')
    mount_point.pop_back();
  std::string_view inside = request.pvc_path;
  // A path that already stands under the mount point is complete.
  if (inside == mount_point || inside.starts_with(mount_point + "/"))
    return std::string{inside};
  while (inside.starts_with("/"))
    inside.remove_prefix(1);
  while (inside.ends_with("/"))
    inside.remove_suffix(1);
  return inside.empty() ? mount_point : mount_point + "/" + std::string{inside};
}

void set_model_cache(yaml_tree& dgd, const profile_request& request) {
  if (request.pvc_name.empty())
    return;
  auto& claims = dgd["spec"]["pvcs"];
  const bool known = std::any_of(claims.items().begin(), claims.items().end(),
                                 [&](const yaml_tree& c) { return c.text_at("name") == request.pvc_name; });
  if (!known)
    claims.append(yaml_tree::map({{"name", request.pvc_name}, {"create", false}}));
  const auto mount_point = request.pvc_mount_path.empty() ? std::string{"/opt/model-cache"} : request.pvc_mount_path;
  for (auto* service :
       {frontend_of(dgd), service_of(dgd, request.backend, phase::prefill), service_of(dgd, request.backend, phase::decode)})
    if (service)
      mount(*service, request.pvc_name, mount_point);
}

void set_model(yaml_tree& dgd, const profile_request& request) {
  const auto& name = request.model.name;
  const auto path = model_path(request);
  for (const auto role : {phase::prefill, phase::decode}) {
    auto* service = service_of(dgd, request.backend, role);
    if (!service)
      continue;
    auto args = arguments_of(*service);
    // A document that serves this model from a path of its own knows better, unless a model cache is asked for.
    if (!request.pvc_name.empty() || args.value("--served-model-name") != name)
      args.set(names_of(request.backend).model_flag, path);
    args.set("--served-model-name", name);
    set_arguments(*service, args);
  }
  auto* frontend = frontend_of(dgd);
  if (!frontend || !(path.starts_with("/") || path.starts_with(".")))
    return;
  auto args = arguments_of(*frontend);
  auto& container = container_of(*frontend);
  if (!container.find("args") && !container.find("command"))
    container["command"] = yaml_tree::texts({"python3", "-m", "dynamo.frontend"});
  args.set("--model-name", name);
  args.set("--model-path", path);
  set_arguments(*frontend, args);
}

void drop_planner(yaml_tree& dgd) {
  std::erase_if(dgd["spec"]["services"].entries(), [](const auto& entry) {
    return entry.first == "Planner" || entry.second.text_at("componentType") == "planner";
  });
}

void convert_to_aggregated(yaml_tree& dgd, const profile_request& request, phase role) {
  drop_planner(dgd);
  auto& services = dgd["spec"]["services"];
  const auto prefill = service_name_of(dgd, request.backend, phase::prefill);
  const auto decode = service_name_of(dgd, request.backend, phase::decode);
  if (role == phase::prefill && !prefill.empty() && !decode.empty()) {
    auto worker = std::move(services[prefill]);
    services[decode] = std::move(worker);
  }
  if (!prefill.empty() && prefill != decode)
    services.erase(prefill);
  auto& worker = services[decode];
  worker["replicas"] = 1;
  worker["subComponentType"] = "decode";
  auto args = arguments_of(worker);
  switch (request.backend) {
    case backend_kind::vllm:
      convert_vllm(args, role);
      break;
    case backend_kind::sglang:
      convert_sglang(args, role, request.model.is_moe);
      break;
    case backend_kind::trtllm:
      convert_trtllm(args, role);
      break;
  }
  set_arguments(worker, args);
}

void set_mapping(yaml_tree& service, backend_kind backend, const mapping& layout, int gpus_per_node) {
  auto args = arguments_of(service);
  switch (backend) {
    case backend_kind::vllm:
      map_vllm(args, layout, gpus_per_node);
      break;
    case backend_kind::sglang:
      map_sglang(args, layout);
      break;
    case backend_kind::trtllm:
      map_trtllm(args, layout);
      break;
  }
  set_arguments(service, args);
  set_gpus(service, layout.gpus, gpus_per_node);
}

void set_prefill_limits(yaml_tree& service, backend_kind backend, const mapping& layout) {
  const int ranks = layout.attention_data_parallel();
  auto args = arguments_of(service);
  switch (backend) {
    case backend_kind::vllm:
      // vLLM counts tokens per rank: a buffer for all ranks together would not fit into each of them.
      args.set("--max-num-seqs", std::to_string(ranks));
      args.set("--max-num-batched-tokens", std::to_string(prefill_max_tokens));
      break;
    case backend_kind::sglang:
      args.set("--max-running-requests", std::to_string(ranks));
      args.set("--chunked-prefill-size", std::to_string(prefill_max_tokens * ranks));
      args.add("--enable-dp-lm-head");
      break;
    case backend_kind::trtllm:
      merge_override(args, {{"max_batch_size", ranks}, {"max_num_tokens", prefill_max_tokens * ranks}});
      break;
  }
  set_arguments(service, args);
}

void set_step_tokens(yaml_tree& service, backend_kind backend, int tokens, const mapping& layout) {
  auto args = arguments_of(service);
  switch (backend) {
    case backend_kind::vllm:
      args.set("--max-num-batched-tokens", std::to_string(tokens));
      break;
    case backend_kind::sglang: // counts the tokens of all ranks
      args.set("--chunked-prefill-size", std::to_string(tokens * layout.attention_data_parallel()));
      break;
    case backend_kind::trtllm:
      merge_override(args, {{"max_num_tokens", tokens}, {"enable_chunked_prefill", true}});
      break;
  }
  set_arguments(service, args);
}

} // namespace sextant
