// profile.hpp: The answer: candidates, selection, curves, and the events that tell about progress.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "messages/engine.hpp"
#include "messages/measure.hpp"
#include "messages/request.hpp"

namespace sextant {

/// What became of a candidate.
enum class candidate_state : uint8_t {
  planned,
  deploying,
  measuring,
  measured,
  dropped, ///< never deployed: cannot fit, or filtered by the mapping rules
  pruned,  ///< not (further) measured because it cannot win; the reason says why
  failed,  ///< its attempts are used up or it failed permanently
};

template <>
struct enum_names<candidate_state> {
  static constexpr std::array values{
      std::pair{candidate_state::planned, std::string_view{"planned"}},
      std::pair{candidate_state::deploying, std::string_view{"deploying"}},
      std::pair{candidate_state::measuring, std::string_view{"measuring"}},
      std::pair{candidate_state::measured, std::string_view{"measured"}},
      std::pair{candidate_state::dropped, std::string_view{"dropped"}},
      std::pair{candidate_state::pruned, std::string_view{"pruned"}},
      std::pair{candidate_state::failed, std::string_view{"failed"}},
  };
};

/// One mapping for one phase, with what is known about it.
struct candidate_report {
  std::string engine; ///< `{phase}-{tag}`
  phase role = phase::prefill;
  mapping layout;
  candidate_state state = candidate_state::planned;
  std::string reason; ///< of `dropped`, `pruned`, `failed`
  double weight_bytes_per_gpu = 0;
  int64_t predicted_kv_tokens = 0;
  double predicted_ms = 0; ///< TTFT at the SLA's ISL, or ITL at one request
  double predicted_throughput_per_gpu = 0;
  int64_t kv_tokens = 0; ///< as the engine reported
  int attempts = 0;
  std::vector<failure> failures; ///< every failed attempt, in order
  std::string dgd;               ///< what was or would be deployed
};

template <class Visitor>
void describe(Visitor& v, candidate_report& x) {
  v.required("engine", x.engine, "engine id");
  v.required("role", x.role, "phase");
  v.required("layout", x.layout, "parallel mapping");
  v.required("state", x.state, "what became of it");
  v.field("reason", x.reason, "why it was dropped or pruned, or failed");
  v.field("weight_bytes_per_gpu", x.weight_bytes_per_gpu, "weights of one shard, bytes");
  v.field("predicted_kv_tokens", x.predicted_kv_tokens, "KV capacity by the memory model, tokens");
  v.field("predicted_ms", x.predicted_ms, "predicted TTFT or ITL, ms");
  v.field("predicted_throughput_per_gpu", x.predicted_throughput_per_gpu, "tokens/s/GPU");
  v.field("kv_tokens", x.kv_tokens, "KV capacity as reported by the engine, tokens");
  v.field("attempts", x.attempts, "deployment attempts");
  v.field("failures", x.failures, "every failed attempt");
  v.field("dgd", x.dgd, "the deployment document");
}

/// The chosen engine of one phase.
struct selected_engine {
  std::string engine; ///< empty when nothing could be measured
  mapping layout;
  bool meets_target = false;
  double value_ms = 0; ///< TTFT or ITL of the chosen point
  double value_low_ms = 0;
  double value_high_ms = 0;
  double throughput_per_gpu = 0; ///< tokens/s/GPU
  int concurrency = 1;           ///< of the chosen point
  int64_t kv_tokens = 0;
  std::string message; ///< the reference profiler's message when the target is missed
};

template <class Visitor>
void describe(Visitor& v, selected_engine& x) {
  v.required("engine", x.engine, "engine id, empty if nothing could be measured");
  v.required("layout", x.layout, "parallel mapping");
  v.required("meets_target", x.meets_target, "whether the target is met");
  v.field("value_ms", x.value_ms, "TTFT or ITL of the chosen point, ms");
  v.field("value_low_ms", x.value_low_ms, "lower end of its 95 % interval, ms");
  v.field("value_high_ms", x.value_high_ms, "upper end of its 95 % interval, ms");
  v.field("throughput_per_gpu", x.throughput_per_gpu, "tokens/s/GPU");
  v.field("concurrency", x.concurrency, "requests in flight of the chosen point");
  v.field("kv_tokens", x.kv_tokens, "KV capacity of the engine, tokens");
  v.field("message", x.message, "what to tell when the target is missed");
}

/// An alternative to the pick, for an SLA that cannot be met or for comparison.
struct alternative {
  phase role = phase::prefill;
  mapping layout;
  int concurrency = 1;
  double value_ms = 0;
  double throughput_per_gpu = 0;
  std::string note;
};

template <class Visitor>
void describe(Visitor& v, alternative& x) {
  v.required("role", x.role, "phase");
  v.required("layout", x.layout, "parallel mapping");
  v.field("concurrency", x.concurrency, "requests in flight");
  v.field("value_ms", x.value_ms, "TTFT or ITL, ms");
  v.field("throughput_per_gpu", x.throughput_per_gpu, "tokens/s/GPU");
  v.field("note", x.note, "what it is an alternative for");
}

/// One sample of the prefill curve.
struct prefill_sample {
  int isl = 0;
  double ttft_ms = 0;
  double throughput_per_gpu = 0;
};

template <class Visitor>
void describe(Visitor& v, prefill_sample& x) {
  v.required("isl", x.isl, "input tokens");
  v.required("ttft_ms", x.ttft_ms, "time to first token, ms");
  v.required("throughput_per_gpu", x.throughput_per_gpu, "tokens/s/GPU");
}

/// One sample of the decode grid.
struct decode_sample {
  double kv_usage = 0;       ///< share of the KV capacity in use, 0..1
  double context_length = 0; ///< mean context of a request, tokens
  double itl_ms = 0;
  double throughput_per_gpu = 0;
};

template <class Visitor>
void describe(Visitor& v, decode_sample& x) {
  v.required("kv_usage", x.kv_usage, "share of the KV capacity in use, 0..1");
  v.required("context_length", x.context_length, "mean context of a request, tokens");
  v.required("itl_ms", x.itl_ms, "inter-token latency, ms");
  v.required("throughput_per_gpu", x.throughput_per_gpu, "tokens/s/GPU");
}

/// What the performance model says of one deployment; nothing in it was measured. Times in ms, with their 80 % bands.
struct deployment_estimate {
  serving_mode serving = serving_mode::aggregated;
  backend_kind backend = backend_kind::vllm;
  std::string label;        ///< `disagg 2 x TP1 prefill + 3 x TP2 decode`
  mapping prefill;          ///< of the prefill engines; unused when aggregated
  mapping decode;           ///< of the decode engines, or of the aggregated ones
  int prefill_replicas = 0; ///< of one unit; 0 when aggregated
  int decode_replicas = 1;  ///< of one unit
  int units = 1;            ///< how many of them the GPUs are used for
  int gpus = 1;             ///< of all units
  double concurrency = 0;   ///< requests in flight over all units
  int batch = 0;            ///< decoding sequences of one attention rank
  int chunk_tokens = 0;     ///< tokens of one step of the aggregated engines, 0 = the back end's default
  double ttft_ms = 0, ttft_low_ms = 0, ttft_high_ms = 0;
  double tpot_ms = 0, tpot_low_ms = 0, tpot_high_ms = 0;
  double request_latency_ms = 0;
  double tokens_per_s_per_gpu = 0;  ///< output tokens, over all GPUs of the request
  double tokens_per_s_per_user = 0; ///< 1000 / TPOT
  double requests_per_s = 0;        ///< of all units
  bool meets_target = false;
  bool efficient = false; ///< no other has both more tokens/s/GPU and more tokens/s/user
  std::string tier;       ///< `measured` or `fitted`
  std::string note;       ///< why it was chosen, or why not
};

template <class Visitor>
void describe(Visitor& v, deployment_estimate& x) {
  v.required("serving", x.serving, "one kind of engine, or prefill and decode apart");
  v.required("backend", x.backend, "inference back end");
  v.required("label", x.label, "the deployment for people");
  v.field("prefill", x.prefill, "mapping of the prefill engines");
  v.field("decode", x.decode, "mapping of the decode or aggregated engines");
  v.field("prefill_replicas", x.prefill_replicas, "prefill engines of one unit");
  v.field("decode_replicas", x.decode_replicas, "decode or aggregated engines of one unit");
  v.field("units", x.units, "units");
  v.field("gpus", x.gpus, "GPUs of all units");
  v.field("concurrency", x.concurrency, "requests in flight over all units");
  v.field("batch", x.batch, "decoding sequences of one attention rank");
  v.field("chunk_tokens", x.chunk_tokens, "tokens of one step, 0 = the back end's default");
  v.field("ttft_ms", x.ttft_ms, "time to first token, ms");
  v.field("ttft_low_ms", x.ttft_low_ms, "lower end of its 80 % band, ms");
  v.field("ttft_high_ms", x.ttft_high_ms, "upper end of its 80 % band, ms");
  v.field("tpot_ms", x.tpot_ms, "time per output token, ms");
  v.field("tpot_low_ms", x.tpot_low_ms, "lower end of its 80 % band, ms");
  v.field("tpot_high_ms", x.tpot_high_ms, "upper end of its 80 % band, ms");
  v.field("request_latency_ms", x.request_latency_ms, "send to last token, ms");
  v.field("tokens_per_s_per_gpu", x.tokens_per_s_per_gpu, "output tokens/s over all GPUs of the request");
  v.field("tokens_per_s_per_user", x.tokens_per_s_per_user, "output tokens/s of one request");
  v.field("requests_per_s", x.requests_per_s, "requests/s of all units");
  v.field("meets_target", x.meets_target, "whether the target is met");
  v.field("efficient", x.efficient, "whether it is on the Pareto front");
  v.field("tier", x.tier, "'measured' tables or 'fitted' formulas answered");
  v.field("note", x.note, "why it was chosen, or why not");
}

/// What was predicted of a point before it was measured, beside what was measured.
struct point_prediction {
  std::string engine;
  std::string point;
  double predicted_ms = 0;
  double low_ms = 0;
  double high_ms = 0;
  double measured_ms = 0; ///< 0: not measured
};

template <class Visitor>
void describe(Visitor& v, point_prediction& x) {
  v.required("engine", x.engine, "engine id");
  v.required("point", x.point, "point id");
  v.required("predicted_ms", x.predicted_ms, "TTFT or ITL by the performance model, ms");
  v.field("low_ms", x.low_ms, "lower end of its band, ms");
  v.field("high_ms", x.high_ms, "upper end of its band, ms");
  v.field("measured_ms", x.measured_ms, "as measured, ms; 0 if it was not");
}

/// What became of a recommended pair that was deployed and measured together.
enum class confirmation_state : uint8_t {
  confirmed,      ///< within the target and the predicted bands
  off_prediction, ///< within the target, but slower than the predicted bands
  misses_target,
  failed, ///< could not be deployed or measured
};

template <>
struct enum_names<confirmation_state> {
  static constexpr std::array values{
      std::pair{confirmation_state::confirmed, std::string_view{"confirmed"}},
      std::pair{confirmation_state::off_prediction, std::string_view{"off_prediction"}},
      std::pair{confirmation_state::misses_target, std::string_view{"misses_target"}},
      std::pair{confirmation_state::failed, std::string_view{"failed"}},
  };
};

/// A prefill and a decode engine deployed together under closed-loop traffic: predicted beside measured. Medians over
/// requests.
struct pair_confirmation {
  std::string engine; ///< `pair-{prefill tag}-{decode tag}`
  mapping prefill;
  mapping decode;
  confirmation_state state = confirmation_state::failed;
  std::string reason;  ///< what is off or failed; empty when confirmed
  int concurrency = 0; ///< requests in flight: those that the predicted rate keeps in the system
  double predicted_requests_per_s = 0;
  double requests_per_s = 0;
  double predicted_ttft_ms = 0, ttft_low_ms = 0, ttft_high_ms = 0; ///< with its band
  double ttft_ms = 0;                                              ///< 0: not measured
  double predicted_itl_ms = 0, itl_low_ms = 0, itl_high_ms = 0;
  double itl_ms = 0;
};

template <class Visitor>
void describe(Visitor& v, pair_confirmation& x) {
  v.required("engine", x.engine, "id of the pair");
  v.required("prefill", x.prefill, "mapping of the prefill engine");
  v.required("decode", x.decode, "mapping of the decode engine");
  v.required("state", x.state, "what became of it");
  v.field("reason", x.reason, "what is off or failed");
  v.field("concurrency", x.concurrency, "requests in flight");
  v.field("predicted_requests_per_s", x.predicted_requests_per_s, "predicted rate, requests/s");
  v.field("requests_per_s", x.requests_per_s, "measured rate, requests/s");
  v.field("predicted_ttft_ms", x.predicted_ttft_ms, "predicted time to first token, ms");
  v.field("ttft_low_ms", x.ttft_low_ms, "lower end of its band, ms");
  v.field("ttft_high_ms", x.ttft_high_ms, "upper end of its band, ms");
  v.field("ttft_ms", x.ttft_ms, "measured time to first token, ms; 0 if it was not");
  v.field("predicted_itl_ms", x.predicted_itl_ms, "predicted inter-token latency, ms");
  v.field("itl_low_ms", x.itl_low_ms, "lower end of its band, ms");
  v.field("itl_high_ms", x.itl_high_ms, "upper end of its band, ms");
  v.field("itl_ms", x.itl_ms, "measured inter-token latency, ms; 0 if it was not");
}

/// The whole answer to a request.
struct profile_result {
  bool feasible = false;
  std::string binding_constraint; ///< `ttft`, `itl`, `memory`, ... when not feasible
  service_level achievable;       ///< the SLA that would be met by the nearest pick
  selected_engine prefill;
  selected_engine decode;
  std::vector<alternative> alternatives;
  std::vector<candidate_report> candidates;
  std::vector<prefill_sample> prefill_curve; ///< ascending in ISL
  std::vector<decode_sample> decode_grid;
  int64_t max_kv_tokens = 0; ///< of the chosen decode engine
  int points_measured = 0;
  int points_planned = 0;
  int attempts_failed = 0;
  double gpu_seconds = 0; ///< engine seconds times GPUs, start-up included
  std::string clock;      ///< `live`, `scaled`, `virtual` or `mixed`
  bool simulated = false;
  bool estimated = false; ///< no engine was run: every value is the performance model's
  std::vector<point_prediction> predictions;
  std::vector<pair_confirmation> confirmations; ///< in the order they were tried; the last one is the answer's
  std::vector<deployment_estimate> deployments; ///< best first; only of estimates
  std::vector<std::string> remarks;
};

template <class Visitor>
void describe(Visitor& v, profile_result& x) {
  v.required("feasible", x.feasible, "whether the target can be met");
  v.field("binding_constraint", x.binding_constraint, "what cannot be met");
  v.field("achievable", x.achievable, "the target that would be met");
  v.field("prefill", x.prefill, "chosen prefill engine");
  v.field("decode", x.decode, "chosen decode engine");
  v.field("alternatives", x.alternatives, "nearest alternatives");
  v.field("candidates", x.candidates, "every candidate and what became of it");
  v.field("prefill_curve", x.prefill_curve, "in-depth prefill samples");
  v.field("decode_grid", x.decode_grid, "in-depth decode samples");
  v.field("max_kv_tokens", x.max_kv_tokens, "KV capacity of the chosen decode engine, tokens");
  v.field("points_measured", x.points_measured, "points with a result");
  v.field("points_planned", x.points_planned, "points the policy asked for");
  v.field("attempts_failed", x.attempts_failed, "failed attempts of any kind");
  v.field("gpu_seconds", x.gpu_seconds, "engine seconds times GPUs");
  v.field("clock", x.clock, "'live', 'scaled', 'virtual' or 'mixed'");
  v.field("simulated", x.simulated, "whether engines were simulated");
  v.field("estimated", x.estimated, "whether every value is the performance model's and no engine was run");
  v.field("predictions", x.predictions, "what was predicted of the points, beside what was measured");
  v.field("confirmations", x.confirmations, "recommended pairs that were deployed and measured together, in order");
  v.field("deployments", x.deployments, "deployments that the performance model compared, best first");
  v.field("remarks", x.remarks, "what else a reader must know");
}

/// Asks ARTIFACTS to write everything a request leaves behind. Answered by `artifacts_written` in the results.
struct write_artifacts {
  profile_request request;
  profile_result result;
};

template <class Visitor>
void describe(Visitor& v, write_artifacts& x) {
  v.required("request", x.request, "the validated request");
  v.required("result", x.result, "the answer");
}

/// The output directory is complete.
struct artifacts_written {
  std::string directory;
  std::vector<std::string> files; ///< relative to the directory
};

template <class Visitor>
void describe(Visitor& v, artifacts_written& x) {
  v.required("directory", x.directory, "output directory");
  v.field("files", x.files, "files relative to it");
}

/// The end of a request that came to an answer, feasible or not. Last event of the request, and its last result: a version
/// that would decide otherwise gives the answer that was given.
struct profile_finished {
  profile_result result; ///< in the event without the candidates' DGD texts
  std::string directory;
};

template <class Visitor>
void describe(Visitor& v, profile_finished& x) {
  v.required("result", x.result, "the answer");
  v.field("directory", x.directory, "output directory");
}

/// The end of a request without an answer. Last event of the request.
struct profile_failed {
  failure error;
};

template <class Visitor>
void describe(Visitor& v, profile_failed& x) {
  v.required("error", x.error, "what went wrong");
}

/// Something happened that a person may want to see.
struct progress {
  std::string what;  ///< `phase_changed`, `engine_ready`, `point_measured`, `candidate_pruned`, ...
  std::string text;  ///< one line for people
  std::string stage; ///< v1beta1 sub-phase: `Initializing`, `SweepingPrefill`, ... `Done`
  std::string engine;
  std::string point;
  double value_ms = 0;
  int points_done = 0;
  int points_planned = 0;
  int engines_running = 0;
  int gpus_in_use = 0;
  double gpu_seconds = 0;
  double remaining_s = 0; ///< estimate; 0 = unknown
};

template <class Visitor>
void describe(Visitor& v, progress& x) {
  v.required("what", x.what, "kind of happening");
  v.required("text", x.text, "one line for people");
  v.field("stage", x.stage, "sub-phase of the request");
  v.field("engine", x.engine, "engine id");
  v.field("point", x.point, "point id");
  v.field("value_ms", x.value_ms, "measured latency, ms");
  v.field("points_done", x.points_done, "points with a result");
  v.field("points_planned", x.points_planned, "points known to be needed");
  v.field("engines_running", x.engines_running, "engines that are ready");
  v.field("gpus_in_use", x.gpus_in_use, "GPUs of those engines");
  v.field("gpu_seconds", x.gpu_seconds, "GPU-seconds used");
  v.field("remaining_s", x.remaining_s, "estimated wall seconds to go, 0 = unknown");
}

/// Where a request stands, for lists and questions.
struct request_summary {
  std::string id;
  std::string name;
  std::string model;
  std::string state; ///< `waiting`, `running`, `finished`, `failed` or `cancelled`
  std::string stage;
  bool feasible = false;
  int points_done = 0;
};

template <class Visitor>
void describe(Visitor& v, request_summary& x) {
  v.required("id", x.id, "request id");
  v.field("name", x.name, "metadata.name of the DGDR");
  v.field("model", x.model, "served model name");
  v.required("state", x.state, "'waiting', 'running', 'finished', 'failed' or 'cancelled'");
  v.field("stage", x.stage, "sub-phase of the request");
  v.field("feasible", x.feasible, "whether the target can be met, once finished");
  v.field("points_done", x.points_done, "points with a result");
}

/// Answer to a list question.
struct request_list {
  std::vector<request_summary> requests;
  int total = 0; ///< known requests
  bool more = false;
};

template <class Visitor>
void describe(Visitor& v, request_list& x) {
  v.required("requests", x.requests, "a page of the known requests, oldest first");
  v.field("total", x.total, "requests that are known");
  v.field("more", x.more, "whether another page follows");
}

} // namespace sextant
