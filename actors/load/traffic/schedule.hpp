// schedule.hpp: Everything that a load test will send, decided before it starts: a pure function of options and seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sextant::load {

/// What a request counts for.
enum class traffic_phase : uint8_t { warmup, profiling };

/// One request of the plan.
struct planned_request {
  uint32_t index = 0; ///< place in the plan; also key of its prompt
  traffic_phase phase = traffic_phase::profiling;
  int64_t intended_ns = -1; ///< since the start of its phase; -1: as soon as a slot is free (closed loop)
  uint32_t session = 0;     ///< requests of one session run one after another
  uint32_t turn = 0;
  int64_t delay_ns = 0; ///< after the end of the previous turn
  int isl = 0;          ///< new prompt tokens of this turn
  int osl = 0;          ///< output tokens asked for; 0: the model decides
  uint64_t prompt = 0;  ///< key of the prompt below the plan's seed, or row of the data set
  uint32_t prefix = 0;  ///< shared prefix that comes before the prompt, 1-based; 0: none
  int prefix_tokens = 0;
  int64_t cancel_after_ns = -1;       ///< after it was sent; -1: never
  std::vector<uint64_t> block_hashes; ///< traces: one per block of `block_tokens`; equal hash, equal tokens
};

/// The whole plan. The same for any number of threads, processes and nodes: each takes every n-th session of it.
struct traffic_schedule {
  uint64_t seed = 0;
  std::vector<planned_request> requests; ///< warm-up first, each phase in order of `intended_ns`, then index
  int concurrency = 0;                   ///< requests in flight at most; 0: no limit
  int prefill_concurrency = 0;           ///< requests that wait for their first token at most; 0: no limit
  int warmup_concurrency = 0;
  int warmup_prefill_concurrency = 0;
  int64_t concurrency_ramp_ns = 0; ///< the limit grows linearly from 1
  int64_t prefill_ramp_ns = 0;     ///< the prefill limit grows linearly from 1
  int64_t warmup_ramp_ns = 0;      ///< the warm-up's limit grows linearly from 1
  int64_t duration_ns = 0;         ///< of the profiling phase; 0: until all requests are done
  int64_t grace_ns = 0;            ///< how long answers may come after the duration; below 0: until all are there
  int64_t warmup_duration_ns = 0;  ///< of the warm-up; 0: until all its requests are done
  int64_t warmup_grace_ns = -1;    ///< as `grace_ns`; -1: until all answers are there
  int block_tokens = 0;            ///< of `block_hashes`
};

} // namespace sextant::load
