// measure.hpp: Measuring one point: what is asked, what was recorded, what it means.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/failure.hpp"
#include "messages/values.hpp"

namespace sextant {

/// What a point measures.
enum class point_kind : uint8_t {
  ttft, ///< prefill: fresh prompts, time to first token
  itl,  ///< decode: prompts already in the KV cache, inter-token latency
};

template <>
struct enum_names<point_kind> {
  static constexpr std::array values{
      std::pair{point_kind::ttft, std::string_view{"ttft"}},
      std::pair{point_kind::itl, std::string_view{"itl"}},
  };
};

/// Why a measurement ended.
enum class stop_reason : uint8_t {
  plan,      ///< the planned number of requests is done
  precision, ///< the interval is narrow enough
  verdict,   ///< the service-level verdict is certain
  budget,    ///< requests or seconds are used up
};

template <>
struct enum_names<stop_reason> {
  static constexpr std::array values{
      std::pair{stop_reason::plan, std::string_view{"plan"}},
      std::pair{stop_reason::precision, std::string_view{"precision"}},
      std::pair{stop_reason::verdict, std::string_view{"verdict"}},
      std::pair{stop_reason::budget, std::string_view{"budget"}},
  };
};

/// One point of a sweep or curve: the exact traffic, independent of who drives it.
struct point_plan {
  std::string point; ///< id, unique within the request, e.g. `prefill-TP4/sweep/isl3000`
  point_kind kind = point_kind::ttft;
  std::string purpose;            ///< `sweep` or `curve`
  int isl = 0;                    ///< input tokens of every request, exact
  int osl = 0;                    ///< output tokens of every request, exact
  int concurrency = 1;            ///< requests in flight
  int requests = 1;               ///< requests of one wave
  int min_waves = 1;              ///< waves before precision may stop the point
  int max_waves = 1;              ///< waves at most
  double relative_half_width = 0; ///< stop once the 95 % interval's half width is below this share; 0 = never
  int warmup_requests = 0;        ///< requests before the measured ones
  bool warm_prompts = false;      ///< send every measured prompt once before, so that its KV cache is there
  int warm_osl = 1;               ///< output tokens of those warming requests
  uint64_t prompt_seed = 0; ///< prompts are a pure function of (seed, index, position); equal seeds nest in ISL and count
  int gpus = 1;             ///< GPUs of the engine, for figures per GPU
  int attention_dp = 1;     ///< attention ranks of the engine
  int burst_ratio = 1;      ///< > 1: DEP burst rule, TTFT = (max - itl*(osl-1)*(ratio-1)) / ratio
};

template <class Visitor>
void describe(Visitor& v, point_plan& x) {
  v.required("point", x.point, "point id, unique within the request");
  v.required("kind", x.kind, "what is measured");
  v.field("purpose", x.purpose, "'sweep' or 'curve'");
  v.required("isl", x.isl, "input tokens of every request");
  v.required("osl", x.osl, "output tokens of every request");
  v.required("concurrency", x.concurrency, "requests in flight");
  v.required("requests", x.requests, "requests of one wave");
  v.field("min_waves", x.min_waves, "waves before precision may stop the point");
  v.field("max_waves", x.max_waves, "waves at most");
  v.field("relative_half_width", x.relative_half_width, "wanted half width of the 95 % interval, share of the value");
  v.field("warmup_requests", x.warmup_requests, "requests before the measured ones");
  v.field("warm_prompts", x.warm_prompts, "whether every prompt is sent once before");
  v.field("warm_osl", x.warm_osl, "output tokens of warming requests");
  v.field("prompt_seed", x.prompt_seed, "seed of the prompts");
  v.field("gpus", x.gpus, "GPUs of the engine");
  v.field("attention_dp", x.attention_dp, "attention ranks of the engine");
  v.field("burst_ratio", x.burst_ratio, "depth of a DEP burst, 1 = no burst rule");
}

/// Asks LOAD to drive one point. Ends in `point_measured` (by METRICS) or `attempt_failed`.
struct measure_point {
  std::string engine;
  int engine_attempt = 1;
  int attempt = 1; ///< 1-based attempt at this point
  std::string endpoint;
  std::string served_model;
  double simulation_speed = 0; ///< wanted speed of a simulated engine, 0 = chosen per measurement
  bool simulated = false;
  double expected_ttft_ms = 0; ///< prediction, used to size time-outs and the simulation speed
  double expected_itl_ms = 0;
  point_plan plan;
};

template <class Visitor>
void describe(Visitor& v, measure_point& x) {
  v.required("engine", x.engine, "engine id");
  v.required("engine_attempt", x.engine_attempt, "incarnation of the engine");
  v.required("attempt", x.attempt, "1-based attempt at this point");
  v.required("endpoint", x.endpoint, "base URL, or 'virtual:' and a description");
  v.field("served_model", x.served_model, "model name for requests");
  v.field("simulation_speed", x.simulation_speed, "engine seconds per wall second, 0 = automatic");
  v.field("simulated", x.simulated, "whether the engine is simulated");
  v.field("expected_ttft_ms", x.expected_ttft_ms, "predicted time to first token, ms");
  v.field("expected_itl_ms", x.expected_itl_ms, "predicted inter-token latency, ms");
  v.required("plan", x.plan, "the traffic");
}

/// Statistics of one latency over the valid requests of a point. Times in milliseconds.
struct distribution {
  int64_t count = 0;
  double mean = 0, min = 0, max = 0, std = 0;
  double p1 = 0, p5 = 0, p10 = 0, p25 = 0, p50 = 0, p75 = 0, p90 = 0, p95 = 0, p99 = 0;
  double low = 0, high = 0; ///< 95 % interval of the mean
};

template <class Visitor>
void describe(Visitor& v, distribution& x) {
  v.required("count", x.count, "samples");
  v.required("mean", x.mean, "arithmetic mean");
  v.field("min", x.min, "smallest sample");
  v.field("max", x.max, "largest sample");
  v.field("std", x.std, "standard deviation (population)");
  v.field("p1", x.p1, "percentile 1");
  v.field("p5", x.p5, "percentile 5");
  v.field("p10", x.p10, "percentile 10");
  v.field("p25", x.p25, "percentile 25");
  v.field("p50", x.p50, "median");
  v.field("p75", x.p75, "percentile 75");
  v.field("p90", x.p90, "percentile 90");
  v.field("p95", x.p95, "percentile 95");
  v.field("p99", x.p99, "percentile 99");
  v.field("low", x.low, "lower end of the 95 % interval of the mean");
  v.field("high", x.high, "upper end of the 95 % interval of the mean");
}

/// Per-request samples of a point, one entry per request in send order. Times in engine milliseconds, to 0.1 us.
struct request_samples {
  std::string started;          ///< wall time of the first send, RFC 3339, UTC; empty if nothing was sent
  std::vector<double> start_ms; ///< send time since the first send
  std::vector<double> ttft_ms;
  std::vector<double> second_ms;  ///< first to second token event; 0 without a second
  std::vector<double> itl_ms;     ///< (last - first) / (tokens - 1); 0 for a single token
  std::vector<double> latency_ms; ///< send to last token
  std::vector<int> input_tokens;
  std::vector<int> output_tokens;
  std::vector<int> cached_tokens; ///< prompt tokens served from the prefix cache
  std::vector<std::string> error; ///< empty when the request is valid
};

template <class Visitor>
void describe(Visitor& v, request_samples& x) {
  v.field("started", x.started, "wall time of the first send, RFC 3339");
  v.field("start_ms", x.start_ms, "send time since the first send, ms");
  v.field("ttft_ms", x.ttft_ms, "time to first token, ms");
  v.field("second_ms", x.second_ms, "first to second token, ms");
  v.field("itl_ms", x.itl_ms, "mean inter-token latency of the request, ms");
  v.field("latency_ms", x.latency_ms, "send to last token, ms");
  v.field("input_tokens", x.input_tokens, "prompt tokens as counted by the engine");
  v.field("output_tokens", x.output_tokens, "tokens received");
  v.field("cached_tokens", x.cached_tokens, "prompt tokens served from the prefix cache");
  v.field("error", x.error, "what was wrong with the request, empty if valid");
}

/// The result of one point. All times are engine times: scaled back when a simulation ran faster than life.
struct point_measured {
  std::string engine;
  int engine_attempt = 1;
  int attempt = 1;
  point_plan plan;
  double value_ms = 0;     ///< the TTFT or ITL that the selection uses
  double value_low_ms = 0; ///< 95 % interval of it
  double value_high_ms = 0;
  double throughput_per_gpu = 0;  ///< tokens/s/GPU: prefill tokens for ttft points, output tokens for itl points
  double output_tokens_per_s = 0; ///< of the whole engine
  distribution ttft;
  distribution itl;
  distribution latency;
  stop_reason stopped = stop_reason::plan;
  bool valid = true;                ///< all requests finished with the right lengths
  std::vector<std::string> remarks; ///< why not valid, or what limits the result
  double engine_s = 0;              ///< engine seconds the measurement took, warming included
  double wall_s = 0;
  double overhead_s = 0; ///< wall seconds beyond the traffic itself
  double speed = 1;      ///< engine seconds per wall second; 1 = real time
  std::string clock;     ///< `live`, `scaled` or `virtual`
  bool simulated = false;
  int waves = 1;
  double cached_share = 0; ///< prompt tokens served from the prefix cache
  request_samples samples; ///< of the measured requests
  request_samples warmup;  ///< of the requests that filled the KV cache; in no statistic
};

template <class Visitor>
void describe(Visitor& v, point_measured& x) {
  v.required("engine", x.engine, "engine id");
  v.required("engine_attempt", x.engine_attempt, "incarnation of the engine");
  v.required("attempt", x.attempt, "attempt at this point");
  v.required("plan", x.plan, "the traffic");
  v.required("value_ms", x.value_ms, "the latency that the selection uses, ms");
  v.field("value_low_ms", x.value_low_ms, "lower end of its 95 % interval, ms");
  v.field("value_high_ms", x.value_high_ms, "upper end of its 95 % interval, ms");
  v.required("throughput_per_gpu", x.throughput_per_gpu, "tokens/s/GPU");
  v.field("output_tokens_per_s", x.output_tokens_per_s, "output tokens/s of the engine");
  v.field("ttft", x.ttft, "time to first token, ms");
  v.field("itl", x.itl, "inter-token latency, ms");
  v.field("latency", x.latency, "request latency, ms");
  v.field("stopped", x.stopped, "why the measurement ended");
  v.field("valid", x.valid, "whether all requests finished with the right lengths");
  v.field("remarks", x.remarks, "why not valid, or what limits the result");
  v.field("engine_s", x.engine_s, "engine seconds of the measurement");
  v.field("wall_s", x.wall_s, "wall seconds of the measurement");
  v.field("overhead_s", x.overhead_s, "wall seconds beyond the traffic");
  v.field("speed", x.speed, "engine seconds per wall second");
  v.field("clock", x.clock, "'live', 'scaled' or 'virtual'");
  v.field("simulated", x.simulated, "whether the engine was simulated");
  v.field("waves", x.waves, "waves that were measured");
  v.field("cached_share", x.cached_share, "share of prompt tokens from the prefix cache");
  v.field("samples", x.samples, "samples of the measured requests");
  v.field("warmup", x.warmup, "samples of the requests that filled the KV cache, in no statistic");
}

/// One attempt at a point failed; no half result is counted.
struct attempt_failed {
  std::string engine;
  int engine_attempt = 1;
  std::string point;
  int attempt = 1;
  failure error;
};

template <class Visitor>
void describe(Visitor& v, attempt_failed& x) {
  v.required("engine", x.engine, "engine id");
  v.required("engine_attempt", x.engine_attempt, "incarnation of the engine");
  v.required("point", x.point, "point id");
  v.required("attempt", x.attempt, "attempt at this point");
  v.required("error", x.error, "what went wrong");
}

} // namespace sextant
