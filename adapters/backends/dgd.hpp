// dgd.hpp: DynamoGraphDeployment documents: base templates, one candidate's deployment, the final deployment.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"
#include "messages/request.hpp"

namespace sextant {

/// The disaggregated base DGD: the request's own, or the built-in template with model, image and model cache applied.
/// Throws nothing; returns an empty text and an error for a malformed base document.
std::string base_dgd(const profile_request& request, std::string& error);

/// The DGD of one candidate: a single aggregated worker with the mapping's flags (reference sheet, section 10).
std::string candidate_dgd(const profile_request& request, phase role, const mapping& layout, std::string& error);

/// The DGD of a prefill and a decode engine side by side, as the final deployment has them, without a planner.
std::string pair_dgd(const profile_request& request, const mapping& prefill, const mapping& decode, std::string& error);

/// Multi-document YAML of the final deployment: ConfigMap `planner-profile-data` (if curves exist), then the DGD with
/// planner.
std::string final_dgd(const profile_request& request, const profile_result& result, std::string& error);

/// The deployment that an estimate picked: aggregated or disaggregated, with its replicas unless a planner sets them. The
/// same as `final_dgd` for measured answers.
std::string deployment_dgd(const profile_request& request, const profile_result& result, std::string& error);

/// The aggregated deployment that an estimate picked, without a planner; empty if it picked none.
std::string aggregated_dgd(const profile_request& request, const profile_result& result, std::string& error);

/// The same as `final_dgd` for the mocker variant.
std::string mocker_dgd(const profile_request& request, const profile_result& result, std::string& error);

/// ConfigMap `planner-profile-data` alone; empty when the curves do not exist.
std::string planner_configmap(const profile_request& request, const profile_result& result);

/// KV capacity in tokens of the whole engine from what a back end prints while starting (the last match counts); 0 = not
/// found. Lines: reference sheet, section 5.4.
int64_t kv_tokens_from_log(backend_kind backend, const std::vector<std::string>& log, int attention_dp);

} // namespace sextant
