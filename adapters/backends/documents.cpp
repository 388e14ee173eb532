// documents.cpp: The base document and deterministic names.
#include "adapters/backends/documents.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/newer_documents.hpp"
#include "adapters/backends/templates.hpp"
#include "adapters/backends/wishes.hpp"

namespace sextant {

namespace {

std::optional<yaml_tree> own_document(const profile_request& request, std::string& error) {
  auto documents = parse_yaml(request.base_config, error);
  if (!error.empty()) {
    error = "base deployment: " + error;
    return std::nullopt;
  }
  const auto found = std::find_if(documents.begin(), documents.end(),
                                  [](const yaml_tree& d) { return d.text_at("kind") == "DynamoGraphDeployment"; });
  if (found == documents.end()) {
    error = "base deployment: no document of kind DynamoGraphDeployment";
    return std::nullopt;
  }
  if (!to_services(*found, error)) {
    error = "base deployment: " + error;
    return std::nullopt;
  }
  const auto* spec = found->find("spec");
  const auto* services = spec ? spec->find("services") : nullptr;
  if (!services || !services->is_map() || services->entries().empty()) {
    error = "base deployment: spec.services (or spec.components in nvidia.com/v1beta1) must name at least the decode worker";
    return std::nullopt;
  }
  for (const auto& [name, service] : services->entries())
    if (!service.is_map()) {
      error = "base deployment: spec.services." + name + " must be a map";
      return std::nullopt;
    }
  if (service_name_of(*found, request.backend, phase::decode).empty()) {
    error = "base deployment: no decode worker; give one service `subComponentType: decode` or the name "
            + std::string{names_of(request.backend).decode_service};
    return std::nullopt;
  }
  return std::move(*found);
}

} // namespace

std::optional<yaml_tree> base_document(const profile_request& request, std::string& error) {
  error.clear();
  std::optional<yaml_tree> dgd;
  if (request.base_config.empty()) {
    auto documents = parse_yaml(base_template(request.backend, request.api), error);
    if (!documents.empty())
      dgd = std::move(documents.front());
  } else {
    dgd = own_document(request, error);
  }
  if (!dgd)
    return std::nullopt;
  if (!request.kubernetes_namespace.empty())
    (*dgd)["metadata"]["namespace"] = request.kubernetes_namespace;
  if (!request.image.empty())
    set_image(*dgd, request.image);
  set_model_cache(*dgd, request);
  set_model(*dgd, request);
  error = apply_common_wishes(*dgd, request);
  if (!error.empty())
    return std::nullopt;
  return dgd;
}

bool curves_exist(const profile_result& result) {
  return result.prefill_curve.size() >= 3 && !result.decode_grid.empty() && result.max_kv_tokens > 0;
}

std::string short_hash(std::string_view text, unsigned offset) {
  uint32_t hash = 2166136261U; // FNV-1a
  for (const unsigned char c : text)
    hash = (hash ^ c) * 16777619U;
  char out[8];
  std::snprintf(out, sizeof out, "%04x", ((hash >> 16 ^ hash) + offset) & 0xffffU);
  return out;
}

std::string candidate_name(const profile_request& request, phase role, const mapping& layout) {
  // Counting from a hash of the request keeps the names of one request apart from each other for certain.
  const auto number =
      static_cast<unsigned>(role) + 2U * static_cast<unsigned>(layout.method) + 6U * static_cast<unsigned>(layout.gpus);
  return std::string{to_text(request.backend)} + "-agg-" + short_hash(request.id, number);
}

} // namespace sextant
