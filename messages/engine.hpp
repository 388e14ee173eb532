// engine.hpp: The life of an engine: deploying it, what it can do, how it ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/failure.hpp"
#include "messages/values.hpp"

namespace sextant {

/// Asks DEPLOYMENT to start one engine. Ends in `engine_ready` or `engine_failed`.
struct deploy_engine {
  std::string engine; ///< `{phase}-{tag}`, unique within the request, e.g. `prefill-TP4`
  int attempt = 1;    ///< 1-based; a new attempt is a new incarnation with an empty cache
  phase role = phase::prefill;
  mapping layout;                                ///< of a pair: of its decode engine
  mapping prefill_layout{mapping_method::tp, 0}; ///< of the prefill engine beside it in a pair; 0 GPUs: no pair
  backend_kind backend = backend_kind::vllm;
  std::string host;       ///< kind of host: `simulated`, `local`, `kubernetes`, `endpoint`
  std::string simulation; ///< for the simulated host: `live` or `virtual`
  double simulation_speed = 0;
  uint64_t seed = 0;
  std::string dgd; ///< the DynamoGraphDeployment to apply, YAML text
  model_facts model;
  gpu_facts gpu;
  int max_context = 0; ///< tokens the engine must accept
  double timeout_s = 1800;

  /// GPUs of all its engines.
  int gpus() const { return layout.gpus + prefill_layout.gpus; }
};

template <class Visitor>
void describe(Visitor& v, deploy_engine& x) {
  v.required("engine", x.engine, "engine id, unique within the request");
  v.required("attempt", x.attempt, "1-based incarnation");
  v.required("role", x.role, "phase the engine is profiled for");
  v.required("layout", x.layout, "parallel mapping; of a pair: of its decode engine");
  v.field("prefill_layout", x.prefill_layout, "mapping of the prefill engine beside it in a pair; 0 GPUs: no pair");
  v.required("backend", x.backend, "inference back end");
  v.required("host", x.host, "kind of host");
  v.field("simulation", x.simulation, "'live' or 'virtual', simulated host only");
  v.field("simulation_speed", x.simulation_speed, "engine seconds per wall second, 0 = automatic");
  v.field("seed", x.seed, "seed of the simulated engine");
  v.field("dgd", x.dgd, "DynamoGraphDeployment, YAML text");
  v.required("model", x.model, "facts about the model");
  v.required("gpu", x.gpu, "facts about the GPU");
  v.field("max_context", x.max_context, "tokens the engine must accept");
  v.field("timeout_s", x.timeout_s, "seconds the engine may take to start");
}

/// Asks whoever runs the engine to end it. Answered in the results by `engine_released`.
struct release_engine {
  std::string engine;
  int attempt = 1;
  std::string instance; ///< only this process is meant; empty = whichever runs it
};

template <class Visitor>
void describe(Visitor& v, release_engine& x) {
  v.required("engine", x.engine, "engine id");
  v.required("attempt", x.attempt, "incarnation");
  v.field("instance", x.instance, "only this process is meant; empty = whichever runs it");
}

/// An engine answers requests, and this is what it can hold.
struct engine_ready {
  std::string engine;
  int attempt = 1;
  std::string endpoint;     ///< base URL; `virtual:` + engine description for the virtual simulation
  std::string served_model; ///< model name for requests
  std::string node;         ///< node that runs it
  std::string instance;     ///< process incarnation of that node
  std::string zone;         ///< where its endpoint can be reached: LOAD of this zone measures it
  int64_t kv_tokens = 0;    ///< KV capacity of the whole engine (all attention ranks), tokens
  std::string kv_source;    ///< `metrics` or `log`
  double startup_s = 0;     ///< engine seconds from apply to ready
  bool simulated = false;
  std::vector<std::string> log; ///< what the back end printed while starting
};

template <class Visitor>
void describe(Visitor& v, engine_ready& x) {
  v.required("engine", x.engine, "engine id");
  v.required("attempt", x.attempt, "incarnation");
  v.required("endpoint", x.endpoint, "base URL, or 'virtual:' and a description");
  v.field("served_model", x.served_model, "model name for requests");
  v.field("node", x.node, "node that runs the engine");
  v.field("instance", x.instance, "process incarnation of the node");
  v.field("zone", x.zone, "zone whose load reaches the endpoint");
  v.required("kv_tokens", x.kv_tokens, "KV capacity of the whole engine, tokens");
  v.field("kv_source", x.kv_source, "'metrics' or 'log'");
  v.field("startup_s", x.startup_s, "engine seconds until ready");
  v.field("simulated", x.simulated, "whether the engine is simulated");
  v.field("log", x.log, "lines the back end printed while starting");
}

/// One attempt to start or keep an engine failed.
struct engine_failed {
  std::string engine;
  int attempt = 1;
  failure error;
};

template <class Visitor>
void describe(Visitor& v, engine_failed& x) {
  v.required("engine", x.engine, "engine id");
  v.required("attempt", x.attempt, "incarnation");
  v.required("error", x.error, "what went wrong");
}

/// An engine that was ready is gone without having been released.
struct engine_lost {
  std::string engine;
  int attempt = 1;
  failure error;
};

template <class Visitor>
void describe(Visitor& v, engine_lost& x) {
  v.required("engine", x.engine, "engine id");
  v.required("attempt", x.attempt, "incarnation");
  v.required("error", x.error, "what was seen");
}

/// An engine was ended on request and its GPUs are free.
struct engine_released {
  std::string engine;
  int attempt = 1;
  double held_s = 0; ///< wall seconds its GPUs were leased
};

template <class Visitor>
void describe(Visitor& v, engine_released& x) {
  v.required("engine", x.engine, "engine id");
  v.required("attempt", x.attempt, "incarnation");
  v.field("held_s", x.held_s, "wall seconds the GPUs were leased");
}

/// An engine as its node sees it.
struct running_engine {
  std::string request;
  std::string engine;
  int attempt = 1;
  int gpus = 0;       ///< of this node that it holds
  bool ready = false; ///< false while it starts
};

template <class Visitor>
void describe(Visitor& v, running_engine& x) {
  v.required("request", x.request, "request id");
  v.required("engine", x.engine, "engine id");
  v.required("attempt", x.attempt, "incarnation");
  v.field("gpus", x.gpus, "GPUs of the node that it holds");
  v.field("ready", x.ready, "whether it answers requests");
}

/// Answer of a session to whoever is about to do a piece of work: whether it is still wanted. Servers that were killed may
/// deliver acknowledged work again.
struct work_wanted {
  bool wanted = true;
};

template <class Visitor>
void describe(Visitor& v, work_wanted& x) {
  v.required("wanted", x.wanted, "false if the work has a result, or nobody needs it any more");
}

/// What a node is and runs: the value of its lease in the bucket of nodes, renewed every second and with every change.
struct node_alive {
  std::string node;
  std::string instance; ///< changes with every process
  std::string version;  ///< of the program
  std::string pool;
  std::string zone;
  std::string host;
  std::string gpu; ///< type of its GPUs
  int gpus = 0;
  int gpus_free = 0;
  bool draining = false;               ///< takes no more engines
  std::vector<running_engine> engines; ///< ready or starting
};

template <class Visitor>
void describe(Visitor& v, node_alive& x) {
  v.required("node", x.node, "node name");
  v.required("instance", x.instance, "process incarnation");
  v.field("version", x.version, "version of its program");
  v.field("pool", x.pool, "pool the node serves");
  v.field("zone", x.zone, "where its load runs");
  v.field("host", x.host, "kind of host");
  v.field("gpu", x.gpu, "type of its GPUs");
  v.field("gpus", x.gpus, "GPUs of the node");
  v.field("gpus_free", x.gpus_free, "GPUs without a lease");
  v.field("draining", x.draining, "whether it takes no more engines");
  v.field("engines", x.engines, "engines that are ready or starting");
}

} // namespace sextant
