// deployment_dgd.cpp: The deployment that an estimate picked, with its replicas.
#include "adapters/backends/dgd.hpp"
#include "adapters/backends/documents.hpp"
#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/wishes.hpp"

namespace sextant {

namespace {

void set_replicas(yaml_tree& dgd, backend_kind backend, phase role, int replicas) {
  if (auto* service = service_of(dgd, backend, role))
    (*service)["replicas"] = replicas;
}

std::string aggregated(const profile_request& request, const deployment_estimate& picked, std::string& error) {
  auto dgd = base_document(request, error);
  if (!dgd)
    return {};
  convert_to_aggregated(*dgd, request, phase::decode);
  constexpr std::string_view pair = "-disagg";
  auto& metadata = (*dgd)["metadata"];
  if (const auto text = metadata.text_at("name"); text.ends_with(pair))
    metadata["name"] = text.substr(0, text.size() - pair.size()) + "-agg";
  auto& worker = *service_of(*dgd, request.backend, phase::decode);
  set_mapping(worker, request.backend, picked.decode, request.gpus_per_node);
  if (picked.chunk_tokens > 0)
    set_step_tokens(worker, request.backend, picked.chunk_tokens, picked.decode);
  set_replicas(*dgd, request.backend, phase::decode, picked.decode_replicas * picked.units);
  apply_final_wishes(*dgd, request);
  return write_yaml(*dgd);
}

std::string disaggregated(const profile_request& request, const profile_result& result, const deployment_estimate& picked,
                          std::string& error) {
  const auto text = final_dgd(request, result, error);
  if (!error.empty())
    return {};
  std::string out;
  for (auto& document : parse_yaml(text, error)) {
    if (document.text_at("kind") == "DynamoGraphDeployment") {
      set_replicas(document, request.backend, phase::prefill, picked.prefill_replicas * picked.units);
      set_replicas(document, request.backend, phase::decode, picked.decode_replicas * picked.units);
    }
    out += (out.empty() ? "" : "---\n") + write_yaml(document);
  }
  return out;
}

} // namespace

std::string aggregated_dgd(const profile_request& request, const profile_result& result, std::string& error) {
  error.clear();
  const bool picked = !result.deployments.empty() && result.deployments.front().serving == serving_mode::aggregated;
  return picked ? aggregated(request, result.deployments.front(), error) : std::string{};
}

std::string deployment_dgd(const profile_request& request, const profile_result& result, std::string& error) {
  error.clear();
  // A planner sets the replicas itself, and works on prefill and decode engines.
  if (result.deployments.empty() || wants_planner(request))
    return final_dgd(request, result, error);
  const auto& picked = result.deployments.front();
  return picked.serving == serving_mode::aggregated ? aggregated(request, picked, error)
                                                    : disaggregated(request, result, picked, error);
}

} // namespace sextant
