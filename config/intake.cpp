// intake.cpp: The way of a submission: text, tree, settings, rules, facts, request; errors of all steps together.
#include "config/intake.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "config/draft.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"
#include "config/options.hpp"
#include "config/request_facts.hpp"
#include "config/schema.hpp"
#include "config/worker_image.hpp"

namespace sextant {

namespace {

constexpr std::size_t most_errors = 100; // a refusal must fit into one message

/// Name and namespace of the object, and what else of its metadata outputs carry on.
struct object_identity {
  std::string name;
  std::string name_space;
};

document_error error_at(const draft& d, const document_node& node, std::string path, std::string accepted,
                        std::string hint = {}) {
  return {d.source, node.line, node.column, std::move(path), found_text(node), std::move(accepted), std::move(hint)};
}

void check_kind(draft& d, const document_node& root) {
  constexpr std::string_view expected = "DynamoGraphDeploymentRequest";
  const auto* kind = root.find("kind");
  if (!kind)
    d.out.errors.push_back({d.source, root.line, root.column, "kind", "nothing", std::string{expected}, ""});
  else if (kind->kind != document_node::kinds::scalar || kind->text != expected)
    d.out.errors.push_back(error_at(d, *kind, "kind", std::string{expected}));
}

/// The generation of the interface. With a wrong one, the shape decides, so that the rest can still be checked.
request_api identify_api(draft& d, const document_node& root) {
  const std::vector<std::string> known{"nvidia.com/v1alpha1", "nvidia.com/v1beta1"};
  const auto* version = root.find("apiVersion");
  if (version && version->kind == document_node::kinds::scalar && version->text == known[0])
    return request_api::v1alpha1;
  if (version && version->kind == document_node::kinds::scalar && version->text == known[1])
    return request_api::v1beta1;
  const auto accepted = known[0] + " or " + known[1];
  if (!version) {
    d.out.errors.push_back({d.source, root.line, root.column, "apiVersion", "nothing", accepted, ""});
  } else {
    const auto nearest = nearest_name(version->text, known);
    d.out.errors.push_back(
        error_at(d, *version, "apiVersion", accepted, nearest.empty() ? "" : "did you mean '" + nearest + "'?"));
  }
  const auto* spec = root.find("spec");
  const bool newer =
      spec && !spec->find("profilingConfig") && (spec->find("workload") || spec->find("sla") || spec->find("hardware"));
  return newer ? request_api::v1beta1 : request_api::v1alpha1;
}

object_identity read_metadata(draft& d, const document_node& root) {
  object_identity identity;
  const auto* metadata = root.find("metadata");
  if (!metadata || metadata->kind != document_node::kinds::mapping) {
    const auto& place = metadata ? *metadata : root;
    d.out.errors.push_back({d.source, place.line, place.column, "metadata", metadata ? found_text(*metadata) : "nothing",
                            "an object with a name", ""});
    return identity;
  }
  const auto read = [&](const char* key, bool dots, std::string& into) {
    const auto* node = metadata->find(key);
    if (!node)
      return false;
    if (node->kind == document_node::kinds::scalar && dns_name(node->text, dots))
      into = node->text;
    else
      d.out.errors.push_back(
          error_at(d, *node, std::string{"metadata."} + key,
                   "lower case letters, digits and '-', at most " + std::string{dots ? "253" : "63"} + " characters"));
    return true;
  };
  if (!read("name", true, identity.name))
    d.out.errors.push_back(
        {d.source, metadata->line, metadata->column, "metadata.name", "nothing", "the name of the request", ""});
  read("namespace", false, identity.name_space);
  for (const auto* key : {"labels", "annotations"})
    if (const auto* node = metadata->find(key); node && node->kind != document_node::kinds::nothing) {
      if (node->kind != document_node::kinds::mapping)
        d.out.errors.push_back(error_at(d, *node, std::string{"metadata."} + key, "an object"));
    }
  return identity;
}

/// The mocker needs a profile; a planner that was told to do without one contradicts it.
void check_mocker(draft& d, const document_node& spec) {
  const auto* features = spec.find("features");
  const auto* planner = features ? features->find("planner") : nullptr;
  const auto* mode = planner ? planner->find("pre_deployment_sweeping_mode") : nullptr;
  if (mode && mode->text == "none" && d.flag("use-mocker"))
    d.out.errors.push_back(error_at(d, *mode, "spec.features.planner.pre_deployment_sweeping_mode", "rapid or thorough",
                                    "the mocker does not go with pre_deployment_sweeping_mode none"));
}

void check_shape(draft& d, const document_node& root) {
  const auto* spec = root.find("spec");
  if (!spec || spec->kind == document_node::kinds::nothing) {
    const auto& place = spec ? *spec : root;
    d.out.errors.push_back({d.source, place.line, place.column, "spec", "nothing", "an object", ""});
    return;
  }
  if (const auto* envelope = spec->find("v1beta2"); envelope && d.api == request_api::v1beta1)
    d.out.errors.push_back(
        error_at(d, *envelope, "spec.v1beta2", "the v1beta1 fields: this version does not read the v1beta2 envelope"));
  if (d.api != request_api::v1alpha1 || spec->kind != document_node::kinds::mapping)
    return;
  const auto* profiling = spec->find("profilingConfig");
  const auto* config = profiling ? profiling->find("config") : nullptr;
  const bool empty = !config || config->kind == document_node::kinds::nothing
                     || (config->kind == document_node::kinds::mapping && config->keys.empty());
  if (empty && (!profiling || profiling->kind == document_node::kinds::mapping)) {
    const auto& place = config ? *config : profiling ? *profiling : *spec;
    d.out.errors.push_back(
        {d.source, place.line, place.column, std::string{config_path}, "nothing", "an object with at least sla", ""});
  }
}

/// Options and a whole `profile-config` among them, over what the document says.
void apply_options(draft& d, const std::map<std::string, std::string>& given) {
  auto options = read_option_settings(given, command_submit | command_estimate, option_place::submission, d.out);
  if (const auto config = options.find("profile-config"); config != options.end()) {
    const std::string source = "options.profile-config";
    const auto tree = read_document(config->second.value, source, d.out.errors);
    if (tree && tree->kind == document_node::kinds::mapping)
      overlay(d.given, read_config_settings(*tree, source, "", d.out));
    else if (tree)
      d.refuse("profile-config", found_text(*tree), "an object with keys like sla");
    options.erase(config);
  }
  overlay(d.given, std::move(options));
}

/// A base deployment; `shown_text`: errors may quote it.
std::string checked_base(draft& d, std::string text, const std::string& source, bool shown_text) {
  std::vector<document_error> errors;
  const auto tree = read_document(text, source, errors);
  const auto* kind = tree ? tree->find("kind") : nullptr;
  if (!shown_text && (!kind || kind->text != "DynamoGraphDeployment")) {
    // Nothing of what the file says, which may be anything on the serving node.
    d.refuse("config", "\"" + shown(source) + "\"", "a readable file with a DynamoGraphDeployment");
    return {};
  }
  d.out.errors.insert(d.out.errors.end(), errors.begin(), errors.end());
  if (tree && (!kind || kind->text != "DynamoGraphDeployment"))
    d.refuse("config", kind ? found_text(*kind) : "a file without a kind", "a file with a DynamoGraphDeployment");
  return text;
}

std::string read_base_config(draft& d) {
  const auto path = d.value("config");
  if (path.empty())
    return {};
  if (path.starts_with('{')) // the document itself as JSON, from somebody who has no file to name
    return checked_base(d, path, "options.config", true);
  std::error_code error;
  const auto size = std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
  if (error || size == 0 || size > document_limits::bytes) {
    d.refuse("config", "\"" + shown(path) + "\"", "a readable file with a DynamoGraphDeployment");
    return {};
  }
  std::ifstream file{path, std::ios::binary};
  return checked_base(d, std::string{std::istreambuf_iterator<char>{file}, {}}, path, d.out.own_files);
}

template <class Enum>
Enum enum_of(const std::string& text, Enum otherwise) {
  return from_text<Enum>(text).value_or(otherwise);
}

void fill_request(draft& d, const object_identity& identity, profile_request& request) {
  request.name = identity.name;
  request.kubernetes_namespace =
      d.has("namespace") || identity.name_space.empty() ? d.value("namespace") : identity.name_space;
  request.api = d.api;
  request.backend = enum_of(d.value("backend"), backend_kind::vllm); // `auto` means vllm
  request.sla = {d.integer("isl"), d.integer("osl"), d.number("ttft"), d.number("itl")};
  request.policy = enum_of(d.value("policy"), search_policy::adaptive);
  request.mode = estimates_only(d) ? search_mode::estimated : enum_of(d.value("mode"), search_mode::measured);
  request.top_candidates = d.integer("top");
  request.prefill_granularity = d.integer("prefill-interpolation-granularity");
  request.decode_granularity = d.integer("decode-interpolation-granularity");
  request.host = d.value("host");
  request.simulation = d.value("simulation");
  request.simulation_speed = d.number("simulation-speed");
  request.pool_gpus = d.integer("gpus");
  request.seed = static_cast<uint64_t>(d.number("seed"));
  request.max_gpu_hours = d.number("max-gpu-hours");
  request.deadline_s = d.number("deadline");
  request.max_parallel_gpus = d.integer("max-parallel-gpus");
  request.deployment_timeout_s = d.number("deployment-timeout");
  request.dry_run = d.flag("dry-run");
  request.output_dir = d.value("output-dir");
  request.image = d.value("dgd-image");
  if (request.image.empty() && d.api == request_api::v1beta1)
    request.image = worker_image(d.value("profiler-image"), request.backend, d.value("runtime-version-override"));
  request.pvc_name = d.value("model-cache-pvc-name");
  request.pvc_path = d.value("model-cache-pvc-path");
  request.pvc_mount_path = d.value("model-cache-pvc-mount-path");
  request.service_name = d.value("service-name");
  request.auto_apply = d.flag("auto-apply");
  request.use_mocker = d.flag("use-mocker");
}

/// Everything that was set and has no field of its own, so that nothing is dropped silently.
void fill_extra(const draft& d, profile_request& request) {
  static const std::set<std::string> fields{"model",
                                            "backend",
                                            "isl",
                                            "osl",
                                            "ttft",
                                            "itl",
                                            "policy",
                                            "mode",
                                            "top",
                                            "min-num-gpus-per-engine",
                                            "max-num-gpus-per-engine",
                                            "num-gpus-per-node",
                                            "prefill-interpolation-granularity",
                                            "decode-interpolation-granularity",
                                            "max-context-length",
                                            "host",
                                            "simulation",
                                            "simulation-speed",
                                            "gpus",
                                            "gpu",
                                            "seed",
                                            "max-gpu-hours",
                                            "deadline",
                                            "max-parallel-gpus",
                                            "deployment-timeout",
                                            "dry-run",
                                            "output-dir",
                                            "dgd-image",
                                            "model-cache-pvc-name",
                                            "model-cache-pvc-path",
                                            "model-cache-pvc-mount-path",
                                            "service-name",
                                            "auto-apply",
                                            "use-mocker",
                                            "namespace"};
  constexpr std::string_view prefix = "planner-";
  for (const auto& [name, setting] : d.given) {
    if (name.starts_with(prefix) && name != "planner-config")
      request.planner[name.substr(prefix.size())] = setting.value;
    else if (fields.count(name) == 0)
      request.extra[name] = setting.value;
  }
  if (d.value("backend") == "auto")
    request.extra["backend"] = "auto"; // estimates compare all of them
  if (d.api == request_api::v1beta1 && !d.has("search-strategy"))
    request.extra["search-strategy"] = d.value("search-strategy");
  std::string warnings;
  for (const auto& warning : d.out.warnings)
    warnings += (warnings.empty() ? "" : "\n") + warning;
  if (!warnings.empty())
    request.extra["warnings"] = warnings;
}

std::vector<document_error> limited(std::vector<document_error> errors) {
  const auto before = [](const document_error& a, const document_error& b) {
    return a.source == b.source && (a.line < b.line || (a.line == b.line && a.column < b.column));
  };
  std::stable_sort(errors.begin(), errors.end(), before);
  if (errors.size() > most_errors) {
    const auto left = errors.size() - most_errors;
    const auto* bound = errors.size() >= document_limits::errors ? "at least " : "";
    errors.resize(most_errors);
    errors.push_back({errors.front().source, 0, 0, "", bound + std::to_string(left) + " more errors",
                      "a document with fewer errors", ""});
  }
  return errors;
}

} // namespace

std::variant<profile_request, std::vector<document_error>>
read_request(const std::string& id, const submit_request& submission, named_files files) {
  draft d;
  d.out.own_files = files == named_files::of_writer;
  d.source = submission.source.empty() ? "document" : submission.source;
  profile_request request;
  request.id = id;
  object_identity identity;
  const auto tree = read_document(submission.document, d.source, d.out.errors);
  const bool readable = tree && tree->kind == document_node::kinds::mapping;
  if (tree && !readable)
    d.out.errors.push_back(error_at(d, *tree, "", "a DynamoGraphDeploymentRequest"));
  if (readable) {
    d.api = identify_api(d, *tree);
    check_kind(d, *tree);
    identity = read_metadata(d, *tree);
    check_shape(d, *tree);
    d.given = read_document_settings(*tree, d.api, d.source, d.out);
  }
  apply_options(d, submission.options);
  if (readable) {
    if (d.value("backend").empty())
      d.refuse("backend", "nothing", "one of vllm, sglang, trtllm");
    check_rules(d);
    if (const auto* spec = tree->find("spec"); spec && d.api == request_api::v1beta1)
      check_mocker(d, *spec);
    resolve_facts(d, request);
    request.base_config = read_base_config(d);
  }
  if (!d.out.errors.empty())
    return limited(std::move(d.out.errors));
  fill_request(d, identity, request);
  fill_extra(d, request);
  return request;
}

std::string format_error(const document_error& error) {
  std::string text = error.source.empty() ? "request" : error.source;
  if (error.line > 0)
    text += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
  text += ": ";
  if (!error.path.empty())
    text += error.path + ": ";
  text += "found " + error.found;
  if (!error.accepted.empty())
    text += ", accepted: " + error.accepted;
  if (!error.hint.empty())
    text += " (" + error.hint + ")";
  return text;
}

} // namespace sextant
