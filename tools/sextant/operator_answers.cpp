// operator_answers.cpp: The part of the desk that turns answers of profiles into objects of the cluster.
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "actors/artifacts/status.hpp"
#include "actors/artifacts/stored.hpp"
#include "actors/search/pick.hpp"
#include "config/document.hpp"
#include "config/intake.hpp"
#include "tools/sextant/operator_desk.hpp"

namespace sextant {

namespace {

using namespace operating;
using nlohmann::json;

/// Options that the operator decides, whatever a request's annotation says: they name places of its own machine.
constexpr const char* own_options[] = {"output-dir", "host", "config", "profile-config", "namespace", "gpus"};

/// Whether there is anything to deploy in an answer.
bool has_engines(const profile_result& result) {
  return !result.prefill.engine.empty() || !result.decode.engine.empty() || !result.deployments.empty();
}

std::string why_none(const profile_result& result) {
  std::string out = "no engine could be measured";
  for (const auto& c : result.candidates)
    if (!c.reason.empty())
      return out + ": " + c.engine + ": " + c.reason;
  return result.binding_constraint.empty() ? out : out + " (" + result.binding_constraint + ")";
}

/// A base deployment as one line of JSON, for it travels as an option.
std::string base_as_json(const std::string& text, const std::string& map, std::string& error) {
  std::vector<document_error> errors;
  const auto tree = read_document(text, "ConfigMap " + map, errors);
  for (const auto& e : errors)
    error += (error.empty() ? "" : "; ") + format_error(e);
  if (tree && tree->kind != document_node::kinds::mapping)
    error = "ConfigMap " + map + ": found " + found_text(*tree) + ", accepted: a DynamoGraphDeployment";
  return tree ? json_text(*tree) : std::string{};
}

} // namespace

std::string operator_desk::missing_objects(const request_view& view) {
  std::string error;
  const auto missing = [&](const std::string& text) { error += (error.empty() ? "" : "; ") + text; };
  if (!view.cache_claim.empty()) {
    const auto got = call("get persistentvolumeclaims", "GET", path("persistentvolumeclaims") + "/" + view.cache_claim);
    if (got.error.status == 404)
      missing("model cache PVC " + view.cache_claim + " not found in namespace " + view.name_space);
    else if (!got.ok)
      trouble_ = got.problem;
  }
  return error;
}

/// The submission of a request; nothing and an error if something that it refers to is not there.
std::optional<submit_request> operator_desk::submission_for(const request_view& view, std::string& error) {
  submit_request out;
  out.document = view.document;
  out.source = view.name;
  if (!view.options_error.empty())
    error = std::string{"metadata.annotations."} + marks::request_options + ": " + view.options_error;
  for (const auto* option : own_options)
    if (view.options.count(option) > 0)
      error = std::string{"metadata.annotations."} + marks::request_options + ": \"" + option + "\" is the operator's";
  out.options = settings_.options;
  for (const auto& [name, value] : settings_.discovered)
    if (!(name == "gpu" || name == "vram-mb" ? view.names_gpu : view.names_node_size))
      out.options[name] = value;
  if (!view.thorough)
    out.options["mode"] = "estimated";
  for (const auto& [name, value] : view.options)
    out.options[name] = value;
  out.options["namespace"] = view.name_space;
  if (!view.base_map.empty()) {
    const auto got = call("get configmaps", "GET", path("configmaps") + "/" + view.base_map);
    if (got.error.status == 404)
      error = "ConfigMap " + view.base_map + " not found in namespace " + view.name_space;
    else if (!got.ok)
      error = trouble_ = got.problem;
    const auto object = json::parse(got.body, nullptr, false);
    const auto data = object.is_object() ? object.value("data", json::object()) : json::object();
    if (got.ok && !data.contains(view.base_key))
      error = "key " + view.base_key + " not found in ConfigMap " + view.base_map;
    else if (got.ok)
      out.options["config"] = base_as_json(data[view.base_key].get<std::string>(), view.base_map, error);
  }
  return error.empty() ? std::optional{out} : std::nullopt;
}

std::optional<profile_request> operator_desk::request_of(const request_view& view, std::string& error) {
  const auto submission = submission_for(view, error);
  if (!submission)
    return std::nullopt;
  auto read = read_request(view.request_id(), *submission, named_files::of_others);
  if (auto* request = std::get_if<profile_request>(&read))
    return std::move(*request);
  for (const auto& e : std::get<std::vector<document_error>>(read))
    error += (error.empty() ? "" : "; ") + format_error(e);
  return std::nullopt;
}

void operator_desk::write_outputs(request_entry& entry) {
  std::string error;
  trouble_.clear();
  const auto request = request_of(entry.view, error);
  if (!trouble_.empty())
    return later(entry, trouble_);
  if (!request) {
    write(entry, generation_failed(entry.view, error, status_time_now()));
    return;
  }
  generate(entry, *request, *profiles_.at(entry.view.request_id()).result);
}

void operator_desk::pick_again(request_entry& entry) {
  const auto reject = [&](const std::string& why) {
    write(entry, change_rejected(entry.view, "a new target, but the results cannot be asked again: " + why));
  };
  std::string error;
  auto request = request_of(entry.view, error);
  if (!request)
    return reject(error);
  if (settings_.results.empty())
    return reject("they are on the node that measured them");
  const auto stored = read_stored(settings_.results + "/" + entry.view.request_id(), error);
  if (!error.empty())
    return reject(error);
  generate(entry, *request, repick(stored.what.request, stored.what.result, stored.points, request->sla));
}

std::vector<std::string> operator_desk::taken_maps(const request_view& view, const serving_objects& objects, bool& known) {
  std::vector<std::string> out;
  for (const auto& map : objects.maps) {
    const auto got = call("get configmaps", "GET", path("configmaps") + "/" + map.name);
    known = known && (got.ok || got.error.status == 404);
    if (got.ok && !left_by(got.body, view))
      out.push_back(map.name);
  }
  return out;
}

void operator_desk::generate(request_entry& entry, const profile_request& request, const profile_result& result) {
  const auto now = status_time_now();
  std::string error;
  if (!has_engines(result)) {
    write(entry, given_up(entry.view, why_none(result), now));
    return;
  }
  const auto output = output_object(entry.view, request, result, request_api(), error);
  std::optional<serving_objects> serving;
  if (output) {
    const auto documents = documents_of_output(output->body, entry.view);
    const auto name = serving_name(entry.view, request);
    serving = serving_objects_of(entry.view, documents, name, {}, settings_.deployment_versions, error);
    bool known = true;
    if (serving)
      if (const auto taken = taken_maps(entry.view, *serving, known); !taken.empty())
        serving = serving_objects_of(entry.view, documents, name, taken, settings_.deployment_versions, error);
    if (!known)
      return later(entry, "ConfigMaps of this result cannot be looked up");
  }
  if (!serving) {
    write(entry, generation_failed(entry.view, error, now));
    return;
  }
  if (const auto made = put(entry.view, "configmaps", path("configmaps"), *output); !made.ok)
    return later(entry, made.problem);
  write(entry, spec_generated(entry.view,
                              {serving->deployment.name, serving->deployment.body, outcome_message(request, result)}, now));
}

kubernetes::api_answer operator_desk::put(const request_view& view, const std::string& what, const std::string& collection,
                                          const cluster_object& object) {
  auto made = call("create " + what, "POST", collection, object.body);
  if (made.error.status != 409)
    return made;
  const auto there = call("get " + what, "GET", collection + "/" + object.name);
  if (!there.ok)
    return there;
  // An output of an earlier request of this name is replaced; what belongs to somebody else is not.
  const bool output = object.name == view.output_map();
  if (!left_by(there.body, view) && !output) {
    made.problem = what + " " + object.name + " exists and belongs to something else";
    return made;
  }
  return call("update " + what, "PUT", collection + "/" + object.name, object.body);
}

void operator_desk::deploy(request_entry& entry) {
  const auto now = status_time_now();
  const auto refuse = [&](const std::string& why) { write(entry, deployment_refused(entry.view, why, now)); };
  const auto output = call("get configmaps", "GET", path("configmaps") + "/" + entry.view.output_map());
  if (output.error.status == 404)
    return refuse("ConfigMap " + entry.view.output_map() + " not found in namespace " + entry.view.name_space);
  if (!output.ok)
    return later(entry, output.problem);
  std::string error;
  const auto documents = documents_of_output(output.body, entry.view);
  auto serving =
      serving_objects_of(entry.view, documents, entry.view.status.deployment, {}, settings_.deployment_versions, error);
  bool known = true;
  if (serving)
    if (const auto taken = taken_maps(entry.view, *serving, known); !taken.empty())
      serving = serving_objects_of(entry.view, documents, entry.view.status.deployment, taken, settings_.deployment_versions,
                                   error);
  if (!known)
    return later(entry, "ConfigMaps of this result cannot be looked up");
  if (!serving)
    return refuse(error);
  for (const auto& map : serving->maps)
    if (const auto made = put(entry.view, "configmaps", path("configmaps"), map); !made.ok)
      return made.error.status == 409 ? refuse(made.problem) : later(entry, made.problem);
  const auto& deployment = serving->deployment;
  const auto made = call("create dynamographdeployments", "POST", deployment.collection, deployment.body);
  if (made.error.status == 409) {
    const auto there = call("get dynamographdeployments", "GET", deployment.collection + "/" + deployment.name);
    if (!there.ok || !left_by(there.body, entry.view))
      return there.ok || there.error.status == 404
                 ? refuse("DynamoGraphDeployment " + deployment.name + " exists and belongs to something else")
                 : later(entry, there.problem);
  } else if (made.error.status == 400 || made.error.status == 403 || made.error.status == 422) {
    return refuse(made.problem);
  } else if (!made.ok) {
    return later(entry, made.problem);
  }
  write(entry, deployment_made(entry.view, now));
}

bool operator_desk::set_finalizer(request_entry& entry, bool on) {
  auto finalizers = entry.view.finalizers;
  std::erase(finalizers, std::string{marks::finalizer});
  if (on)
    finalizers.emplace_back(marks::finalizer);
  const json patch{{"metadata", {{"finalizers", finalizers}, {"resourceVersion", entry.view.version}}}};
  const auto answer = call("patch dynamographdeploymentrequests", "PATCH", request_path(entry.view), patch.dump());
  if (answer.ok)
    adopt(entry, answer.body);
  else if (answer.error.status != 404)
    later(entry, answer.problem);
  return answer.ok;
}

} // namespace sextant
