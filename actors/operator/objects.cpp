#include "actors/operator/objects.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "actors/artifacts/output_configmap.hpp"
#include "actors/artifacts/status.hpp"
#include "adapters/backends/dgd.hpp"
#include "adapters/backends/yaml_tree.hpp"
#include "config/document.hpp"
#include "config/intake.hpp"
#include "messages/subjects.hpp"

namespace sextant::operating {

namespace {

using json = nlohmann::ordered_json;

/// Events take messages up to this length.
constexpr size_t longest_event = 1024;
constexpr const char* wanted_key = "config_with_planner.yaml";
constexpr const char* mocker_key = "mocker_config_with_planner.yaml";
constexpr const char* final_key = "final_config.yaml";

std::string write(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// One YAML document as JSON; null and an error if it cannot be read.
json json_of(const yaml_tree& document, std::string& error) {
  std::vector<document_error> errors;
  const auto tree = read_document(write_yaml(document), "result", errors);
  if (!tree || !errors.empty()) {
    error = errors.empty() ? "an empty document" : format_error(errors.front());
    return {};
  }
  return json::parse(json_text(*tree), nullptr, false);
}

void mark(json& metadata, const request_view& request) {
  metadata["namespace"] = request.name_space;
  metadata["labels"][marks::tracked_name] = request.name;
  metadata["labels"][marks::tracked_namespace] = request.name_space;
  metadata["labels"][marks::managed_by] = marks::manager;
  metadata["annotations"][marks::request_uid] = request.uid;
}

/// Replaces whole texts, wherever they stand: names of ConfigMaps in volumes and mounts.
void rename_texts(yaml_tree& tree, const std::string& from, const std::string& to) {
  if (tree.is_text() && tree.scalar() == from)
    tree = yaml_tree{to};
  for (auto& item : tree.items())
    rename_texts(item, from, to);
  for (auto& entry : tree.entries())
    rename_texts(entry.second, from, to);
}

size_t bytes_of(const json& data) {
  size_t bytes = 0;
  for (const auto& [key, value] : data.items())
    bytes += key.size() + value.get_ref<const std::string&>().size();
  return bytes;
}

} // namespace

std::string serving_name(const request_view& request, const profile_request& profile) {
  for (const auto* key : {"dgd-name", "dgd-overrides"}) {
    const auto found = profile.extra.find(key);
    if (found == profile.extra.end())
      continue;
    if (key == std::string_view{"dgd-name"})
      return found->second;
    std::string error;
    const auto documents = parse_yaml(found->second, error);
    const auto* metadata = documents.empty() ? nullptr : documents.front().find("metadata");
    if (metadata && !metadata->text_at("name").empty())
      return metadata->text_at("name");
  }
  return request.name + "-dgd";
}

std::optional<cluster_object> output_object(const request_view& request, const profile_request& profile,
                                            const profile_result& result, const std::string& api_version,
                                            std::string& error) {
  output_texts texts;
  const bool beta = profile.api == request_api::v1beta1;
  texts.config = beta ? deployment_dgd(profile, result, error) : final_dgd(profile, result, error);
  if (error.empty())
    texts.mocker_config = mocker_dgd(profile, result, error);
  if (!error.empty())
    return std::nullopt;
  const auto message = outcome_message(profile, result);
  texts.message = plain_line(message);
  texts.status = status_text({"success", status_time_now(), message, "", beta ? "Done" : "", true, beta});
  auto trees = parse_yaml(output_configmap(profile, texts), error);
  if (trees.empty())
    return std::nullopt;
  json data = json::object();
  for (const auto& [key, value] : trees.front().find("data")->entries())
    data[key] = value.scalar();
  // What nobody reads goes first: the other variant, then the older generation's name for the same text.
  const char* other = profile.use_mocker ? wanted_key : mocker_key;
  const char* older = profile.use_mocker ? mocker_key : wanted_key;
  for (const auto* key : {other, older})
    if (bytes_of(data) > longest_map_bytes && (key == other || beta))
      data.erase(key);
  if (bytes_of(data) > longest_map_bytes) {
    error = "the result has " + std::to_string(bytes_of(data)) + " bytes, a ConfigMap takes "
            + std::to_string(longest_map_bytes) + ": ask for fewer points of the curves";
    return std::nullopt;
  }
  json object{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", request.output_map()}}}, {"data", data}};
  mark(object["metadata"], request);
  object["metadata"]["ownerReferences"] = json::array({{{"apiVersion", api_version},
                                                        {"kind", "DynamoGraphDeploymentRequest"},
                                                        {"name", request.name},
                                                        {"uid", request.uid},
                                                        {"controller", true},
                                                        {"blockOwnerDeletion", false}}});
  return cluster_object{request.output_map(), write(object)};
}

std::optional<serving_objects> serving_objects_of(const request_view& request, const std::string& documents,
                                                  const std::string& name, const std::vector<std::string>& taken,
                                                  const std::vector<std::string>& served_versions, std::string& error) {
  auto trees = parse_yaml(documents, error);
  if (!error.empty())
    return std::nullopt;
  for (const auto& used : taken)
    for (auto& tree : trees)
      rename_texts(tree, used, used + "-" + stable_hash(request.uid).substr(0, 4));
  serving_objects out;
  for (auto& tree : trees) {
    const auto kind = tree.text_at("kind");
    if (kind == "DynamoGraphDeployment") {
      auto made = kubernetes::make_serving_deployment(write_yaml(tree), name, request.name_space,
                                                      {{marks::tracked_name, request.name},
                                                       {marks::tracked_namespace, request.name_space},
                                                       {marks::managed_by, marks::manager}},
                                                      {{marks::request_uid, request.uid}}, served_versions, error);
      if (!made)
        return std::nullopt;
      out.deployment = std::move(*made);
    } else if (kind == "ConfigMap") {
      auto object = json_of(tree, error);
      if (!error.empty())
        return std::nullopt;
      mark(object["metadata"], request);
      out.maps.push_back({object["metadata"].value("name", ""), write(object)});
    }
  }
  if (!out.deployment.name.empty())
    return out;
  error = "the result holds no DynamoGraphDeployment";
  return std::nullopt;
}

std::string documents_of_output(const std::string& output_map, const request_view& request) {
  const auto object = json::parse(output_map, nullptr, false);
  if (!object.is_object() || !object.contains("data"))
    return {};
  const auto document = json::parse(request.document, nullptr, false);
  const auto spec = document.is_object() ? document.value("spec", json::object()) : json::object();
  const bool mocker = spec.value("useMocker", false);
  for (const auto* key : {final_key, mocker ? mocker_key : wanted_key})
    if (object["data"].contains(key) && object["data"][key].is_string())
      return object["data"][key].get<std::string>();
  return {};
}

bool left_by(const std::string& object, const request_view& request) {
  const auto o = json::parse(object, nullptr, false);
  if (!o.is_object() || !o.contains("metadata") || !o["metadata"].contains("annotations"))
    return false;
  return o["metadata"]["annotations"].value(marks::request_uid, "") == request.uid;
}

std::string event_object(const request_view& request, const happening& what, const std::string& about_version,
                         const std::string& now) {
  const json about{{"apiVersion", about_version},
                   {"kind", "DynamoGraphDeploymentRequest"},
                   {"name", request.name},
                   {"namespace", request.name_space},
                   {"uid", request.uid}};
  return write({{"apiVersion", "v1"},
                {"kind", "Event"},
                {"metadata", {{"generateName", request.name.substr(0, 200) + "."}, {"namespace", request.name_space}}},
                {"involvedObject", about},
                {"type", what.warning ? "Warning" : "Normal"},
                {"reason", what.reason},
                {"message", what.message.substr(0, longest_event)},
                {"source", {{"component", "sextant-operator"}}},
                {"firstTimestamp", now},
                {"lastTimestamp", now},
                {"count", 1}});
}

} // namespace sextant::operating
