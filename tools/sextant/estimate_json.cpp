// estimate_json.cpp: The answer of an estimate as JSON.
#include <nlohmann/json.hpp>

#include "actors/search/estimating/front.hpp"
#include "messages/codec.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

namespace {

using json = nlohmann::ordered_json;

json deployments_json(std::vector<deployment_estimate> deployments) {
  profile_result carrier;
  carrier.deployments = std::move(deployments);
  return json::parse(encode_body(carrier)).value("deployments", json::array());
}

json refused_json(const estimating::comparison& compared) {
  auto list = json::array();
  for (const auto& r : compared.refused)
    list.push_back({{"backend", to_text(r.backend)}, {"engine", r.label}, {"reason", r.reason}});
  return list;
}

} // namespace

std::string estimate_json(const estimated_answer& answer, const std::string& directory) {
  const auto& request = answer.request;
  const auto& wanted = answer.compared.wanted;
  json out;
  out["estimated"] = true;
  out["model"] = request.model.name;
  out["gpu"] = request.gpu.name;
  out["backend"] = to_text(request.backend);
  out["isl"] = wanted.isl;
  out["osl"] = wanted.osl;
  out["gpus"] = wanted.gpus;
  out["picking"] = name_of(wanted.how);
  out["target"] = {{"ttft_ms", wanted.ttft_ms}, {"tpot_ms", wanted.tpot_ms}, {"request_latency_ms", wanted.latency_ms}};
  out["feasible"] = answer.chosen.feasible;
  out["binding_constraint"] = answer.chosen.binding;
  if (wanted.how == estimating::picking::load_match)
    out["load"] = {{"concurrency", wanted.concurrency},
                   {"requests_per_s", wanted.requests_per_s},
                   {"served_pct", 100 * answer.chosen.load_served},
                   {"total_gpus_needed", answer.chosen.gpus_needed},
                   {"replicas_needed", answer.chosen.ranked.empty() ? 0 : answer.chosen.ranked.front().units}};
  const auto ranked = deployments_json(answer.chosen.ranked);
  out["pick"] = ranked.empty() ? json{} : ranked.front();
  out["sources"] = answer.sources;
  out["ranked"] = ranked;
  out["pareto_front"] = deployments_json(estimating::front_of(answer.compared.deployments));
  out["refused"] = refused_json(answer.compared);
  out["deployments_estimated"] = answer.compared.deployments.size();
  auto brief = answer.result;
  for (auto& candidate : brief.candidates)
    candidate.dgd.clear();
  brief.deployments.clear();
  out["result"] = json::parse(encode_body(brief));
  out["directory"] = directory;
  return out.dump(2) + "\n";
}

} // namespace sextant
