// request.hpp: Asking for a profile: the submitted document, its refusal, and the validated request.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "messages/values.hpp"

namespace sextant {

/// Asks INTAKE to profile what a DynamoGraphDeploymentRequest describes. Answered by
/// `request_accepted` or `request_refused`. The same id again is the same request.
struct submit_request {
  std::string document;                       ///< the DGDR, YAML or JSON, as text
  std::map<std::string, std::string> options; ///< option name without dashes -> text, as on the command line
  std::string source;                         ///< where the document came from, used as file name in errors
};

template <class Visitor>
void describe(Visitor& v, submit_request& x) {
  v.required("document", x.document, "the DynamoGraphDeploymentRequest, YAML or JSON, as text");
  v.field("options", x.options, "options by their command line name, values as text");
  v.field("source", x.source, "file name used in error messages");
}

/// One thing wrong with a request, with the place where it was written.
struct document_error {
  std::string source;   ///< file name, `--flag` or `options`
  int line = 0;         ///< 1-based; 0 when the place has no line
  int column = 0;       ///< 1-based
  std::string path;     ///< e.g. `spec.profilingConfig.config.sla.ttft`
  std::string found;    ///< what was written
  std::string accepted; ///< what would be accepted
  std::string hint;     ///< nearest real name of a misspelt key, or a cure; may be empty
};

template <class Visitor>
void describe(Visitor& v, document_error& x) {
  v.required("source", x.source, "file name, flag or 'options'");
  v.field("line", x.line, "1-based line, 0 if none");
  v.field("column", x.column, "1-based column, 0 if none");
  v.field("path", x.path, "path of the value in the document");
  v.field("found", x.found, "what was written");
  v.field("accepted", x.accepted, "what would be accepted");
  v.field("hint", x.hint, "nearest real name, or a cure");
}

/// The request is refused; nothing was started.
struct request_refused {
  std::vector<document_error> errors;
};

template <class Visitor>
void describe(Visitor& v, request_refused& x) {
  v.required("errors", x.errors, "every error of the request");
}

/// The request is stored and will be worked on.
struct request_accepted {
  bool duplicate = false; ///< the id was known already
};

template <class Visitor>
void describe(Visitor& v, request_accepted& x) {
  v.field("duplicate", x.duplicate, "whether the id was known already");
}

/// How candidates and points are chosen.
enum class search_policy : uint8_t { adaptive, exhaustive };

template <>
struct enum_names<search_policy> {
  static constexpr std::array values{
      std::pair{search_policy::adaptive, std::string_view{"adaptive"}},
      std::pair{search_policy::exhaustive, std::string_view{"exhaustive"}},
  };
};

/// Where the values of an answer come from.
enum class search_mode : uint8_t {
  measured,  ///< every candidate that may win is measured
  hybrid,    ///< the performance model ranks, the best are measured
  estimated, ///< the performance model answers, no engine is run
};

template <>
struct enum_names<search_mode> {
  static constexpr std::array values{
      std::pair{search_mode::measured, std::string_view{"measured"}},
      std::pair{search_mode::hybrid, std::string_view{"hybrid"}},
      std::pair{search_mode::estimated, std::string_view{"estimated"}},
  };
};

/// Which generation of the DGDR interface the outputs must serve.
enum class request_api : uint8_t { v1alpha1, v1beta1 };

template <>
struct enum_names<request_api> {
  static constexpr std::array values{
      std::pair{request_api::v1alpha1, std::string_view{"v1alpha1"}},
      std::pair{request_api::v1beta1, std::string_view{"v1beta1"}},
  };
};

/// A validated request with every default filled in: all that the roles need to know.
struct profile_request {
  std::string id;
  std::string name;                 ///< metadata.name of the DGDR
  std::string kubernetes_namespace; ///< namespace of the DGDs
  request_api api = request_api::v1alpha1;
  model_facts model;
  gpu_facts gpu;
  backend_kind backend = backend_kind::vllm;
  service_level sla;
  search_policy policy = search_policy::adaptive;
  search_mode mode = search_mode::measured;
  int top_candidates = 5; ///< of each phase that `hybrid` measures

  // -- sweep range --------------------------------------------------------------------------------
  int min_gpus_per_engine = 1;
  int max_gpus_per_engine = 8;
  int gpus_per_node = 8;
  int prefill_granularity = 16;
  int decode_granularity = 6;
  int max_context = 0; ///< tokens; the smaller of the user's and the model's

  // -- where and how ------------------------------------------------------------------------------
  std::string host = "simulated";
  std::string simulation = "live"; ///< `live` or `virtual`
  double simulation_speed = 0;     ///< engine seconds per wall second; 0 = chosen per measurement
  int pool_gpus = 8;
  uint64_t seed = 0;
  double max_gpu_hours = 0;  ///< 0 = no bound
  double deadline_s = 0;     ///< wall seconds from `accepted_time`; 0 = no bound
  std::string accepted_time; ///< RFC 3339, UTC; empty = unknown, and then no deadline holds
  int max_parallel_gpus = 0; ///< 0 = the pool
  double deployment_timeout_s = 1800;
  bool dry_run = false;
  std::string output_dir; ///< where artifacts go; empty = chosen by the artifacts role

  // -- deployment document ------------------------------------------------------------------------
  std::string image;       ///< worker image, empty = the template's
  std::string base_config; ///< text of the base DGD; empty = the built-in template
  std::string pvc_name;
  std::string pvc_path;
  std::string pvc_mount_path = "/opt/model-cache";
  std::string service_name;
  bool auto_apply = false;
  bool use_mocker = false;
  std::map<std::string, std::string> planner; ///< planner argument -> value, as given
  std::map<std::string, std::string> extra;   ///< validated options that only some roles read
};

template <class Visitor>
void describe(Visitor& v, profile_request& x) {
  v.required("id", x.id, "request id");
  v.field("name", x.name, "metadata.name of the DGDR");
  v.field("namespace", x.kubernetes_namespace, "namespace of the deployments");
  v.field("api", x.api, "generation of the DGDR interface");
  v.required("model", x.model, "facts about the model");
  v.required("gpu", x.gpu, "facts about the GPU");
  v.required("backend", x.backend, "inference back end");
  v.required("sla", x.sla, "service-level target");
  v.field("policy", x.policy, "search policy");
  v.field("mode", x.mode, "where the values come from");
  v.field("top_candidates", x.top_candidates, "candidates of each phase that 'hybrid' measures");
  v.field("min_gpus_per_engine", x.min_gpus_per_engine, "smallest engine, GPUs");
  v.field("max_gpus_per_engine", x.max_gpus_per_engine, "largest engine, GPUs");
  v.field("gpus_per_node", x.gpus_per_node, "GPUs of one node");
  v.field("prefill_granularity", x.prefill_granularity, "points of the prefill curve");
  v.field("decode_granularity", x.decode_granularity, "points per axis of the decode grid");
  v.field("max_context", x.max_context, "longest context of the sweep, tokens");
  v.field("host", x.host, "where engines run");
  v.field("simulation", x.simulation, "'live' or 'virtual'");
  v.field("simulation_speed", x.simulation_speed, "engine seconds per wall second, 0 = automatic");
  v.field("pool_gpus", x.pool_gpus, "GPUs of the pool");
  v.field("seed", x.seed, "seed of everything drawn at random");
  v.field("max_gpu_hours", x.max_gpu_hours, "budget, 0 = none");
  v.field("deadline_s", x.deadline_s, "wall seconds from the acceptance, 0 = none");
  v.field("accepted_time", x.accepted_time, "when the request was accepted, RFC 3339, UTC");
  v.field("max_parallel_gpus", x.max_parallel_gpus, "GPUs at once, 0 = the pool");
  v.field("deployment_timeout_s", x.deployment_timeout_s, "seconds an engine may take to start");
  v.field("dry_run", x.dry_run, "plan only");
  v.field("output_dir", x.output_dir, "where artifacts go");
  v.field("image", x.image, "image of the workers");
  v.field("base_config", x.base_config, "text of the base deployment");
  v.field("pvc_name", x.pvc_name, "model cache claim");
  v.field("pvc_path", x.pvc_path, "model path inside the claim");
  v.field("pvc_mount_path", x.pvc_mount_path, "mount point of the claim");
  v.field("service_name", x.service_name, "frontend service");
  v.field("auto_apply", x.auto_apply, "whether the result is to be deployed");
  v.field("use_mocker", x.use_mocker, "whether the mocker variant is to be deployed");
  v.field("planner", x.planner, "planner arguments");
  v.field("extra", x.extra, "further validated options");
}

/// A bound on the search is reached: it ends with what is known. Published into the results, so that a replay stops at the
/// same place.
struct budget_spent {
  std::string what; ///< which bound, for the record
};

template <class Visitor>
void describe(Visitor& v, budget_spent& x) {
  v.required("what", x.what, "which bound was reached, for the record");
}

/// Takes a request back: its engines are ended, its results stay.
struct cancel_request {
  std::string reason;
};

template <class Visitor>
void describe(Visitor& v, cancel_request& x) {
  v.field("reason", x.reason, "why, for the record");
}

/// Asks for requests, oldest first, one page at a time; an empty body asks for the first page.
struct list_requests {
  std::string after; ///< id of the last request of the page before; empty: from the oldest on
  int limit = 500;   ///< requests in a page, 1 to 1000
};

template <class Visitor>
void describe(Visitor& v, list_requests& x) {
  v.field("after", x.after, "id of the last request of the page before, empty for the first page");
  v.field("limit", x.limit, "requests in a page, 1 to 1000");
}

} // namespace sextant
