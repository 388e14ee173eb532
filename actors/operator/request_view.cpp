#include "actors/operator/request_view.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "messages/subjects.hpp"

namespace sextant::operating {

namespace {

using nlohmann::json;

const json& at(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object())
    return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text(const json& object, const char* key) {
  const auto& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

double number(const json& object, const char* key) {
  const auto& value = at(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

bool has(const json& object, const char* key) {
  return !at(object, key).is_null();
}

void read_options(const json& annotations, request_view& view) {
  const auto written = text(annotations, marks::request_options);
  if (written.empty())
    return;
  const auto options = json::parse(written, nullptr, false);
  if (!options.is_object()) {
    view.options_error = "no JSON object";
    return;
  }
  for (const auto& [key, value] : options.items()) {
    if (value.is_structured() || value.is_null())
      view.options_error = "\"" + key + "\" has no plain value";
    else
      view.options[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}

void read_alpha(const json& spec, request_view& view) {
  const auto& profiling_config = at(spec, "profilingConfig");
  const auto& config = at(profiling_config, "config");
  view.auto_apply = at(spec, "autoApply") == json(true);
  const auto& hardware = at(config, "hardware");
  view.names_gpu = has(hardware, "gpuType") || has(hardware, "gpuSku") || has(hardware, "gpu_type")
                   || has(at(config, "sweep"), "aicSystem") || has(at(config, "sweep"), "aic_system");
  view.names_node_size = has(hardware, "numGpusPerNode") || has(hardware, "num_gpus_per_node");
  const auto& base = at(profiling_config, "configMapRef");
  view.base_map = text(base, "name");
  view.base_key = text(base, "key").empty() ? "disagg.yaml" : text(base, "key");
  const auto& deployment = at(config, "deployment");
  const auto& cache = has(deployment, "modelCache") ? at(deployment, "modelCache") : at(deployment, "model_cache");
  view.cache_claim = text(cache, "pvcName").empty() ? text(cache, "pvc_name") : text(cache, "pvcName");
  view.ttft_ms = number(at(config, "sla"), "ttft");
  view.itl_ms = number(at(config, "sla"), "itl");
}

void read_beta(const json& spec, request_view& view) {
  view.auto_apply = at(spec, "autoApply") != json(false);
  view.thorough = text(spec, "searchStrategy") == "thorough";
  const auto& hardware = at(spec, "hardware");
  view.names_gpu = has(hardware, "gpuSku");
  view.names_node_size = has(hardware, "numGpusPerNode");
  view.cache_claim = text(at(spec, "modelCache"), "pvcName");
  view.ttft_ms = number(at(spec, "sla"), "ttft");
  view.itl_ms = number(at(spec, "sla"), "itl");
}

/// A spec without what changes no measurement.
std::string fingerprint_of(json spec, request_shape shape) {
  spec.erase("autoApply");
  json* sla = nullptr;
  if (shape == request_shape::v1beta1)
    sla = spec.contains("sla") ? &spec["sla"] : nullptr;
  else if (at(at(spec, "profilingConfig"), "config").is_object())
    sla = &spec["profilingConfig"]["config"]["sla"];
  if (sla && sla->is_object()) {
    sla->erase("ttft");
    sla->erase("itl");
  }
  return stable_hash(spec.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// What the server itself fills in would only be refused as unknown.
json request_document(const json& object, const request_view& view) {
  return {{"apiVersion", view.shape == request_shape::v1beta1 ? "nvidia.com/v1beta1" : "nvidia.com/v1alpha1"},
          {"kind", "DynamoGraphDeploymentRequest"},
          {"metadata", {{"name", view.name}, {"namespace", view.name_space}}},
          {"spec", at(object, "spec")}};
}

} // namespace

bool request_view::held() const {
  return std::find(finalizers.begin(), finalizers.end(), marks::finalizer) != finalizers.end();
}

std::optional<request_view> read_request_object(const std::string& object) {
  const auto o = json::parse(object, nullptr, false);
  const auto& metadata = at(o, "metadata");
  request_view view;
  view.name = text(metadata, "name");
  view.name_space = text(metadata, "namespace");
  view.uid = text(metadata, "uid");
  if (view.name.empty() || view.uid.empty())
    return std::nullopt;
  view.version = text(metadata, "resourceVersion");
  view.generation = static_cast<int64_t>(number(metadata, "generation"));
  view.deleting = has(metadata, "deletionTimestamp");
  const auto& finalizers = at(metadata, "finalizers");
  if (finalizers.is_array())
    for (const auto& f : finalizers)
      if (f.is_string())
        view.finalizers.push_back(f.get<std::string>());
  const auto& annotations = at(metadata, "annotations");
  view.request_class = text(annotations, marks::request_class);
  read_options(annotations, view);
  const auto& spec = at(o, "spec");
  view.shape = has(spec, "profilingConfig") ? request_shape::v1alpha1 : request_shape::v1beta1;
  view.backend = text(spec, "backend").empty() && view.shape == request_shape::v1beta1 ? "auto" : text(spec, "backend");
  if (view.shape == request_shape::v1alpha1)
    read_alpha(spec, view);
  else
    read_beta(spec, view);
  view.document = request_document(o, view).dump(2, ' ', false, json::error_handler_t::replace);
  view.fingerprint = fingerprint_of(spec, view.shape);
  view.status = read_status(object);
  return view;
}

} // namespace sextant::operating
