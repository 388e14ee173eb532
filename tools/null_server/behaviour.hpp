// behaviour.hpp: What a null server does with a request, decided from settings, seed and the request's number. Pure.
#pragma once

#include <cstdint>

#include "tools/null_server/settings.hpp"

namespace sextant::null_server {

/// The fault of request `number`; each kind has its share in the long run.
fault_kind fault_of(const server_settings& settings, uint64_t number);

/// Arrival of request `number` to its first event, nanoseconds.
int64_t ttft_ns(const server_settings& settings, uint64_t number);

/// Time before event (or step) `index` of the sequence `key`, nanoseconds.
int64_t gap_ns(const server_settings& settings, uint64_t key, uint64_t index);

/// First time of the grid `origin_ns + k * step_ns` that is not before `at_ns`.
int64_t tick_at_or_after(int64_t origin_ns, int64_t step_ns, int64_t at_ns);

/// How one answer is cut into events.
struct answer_shape {
  int tokens = 0;    ///< that are sent
  int events = 0;    ///< with tokens
  int fault_at = -1; ///< the event in whose place a fault comes; -1: none does
};

/// The shape of an answer to a request for `asked` tokens.
answer_shape shape_of(int asked, int tokens_per_event, fault_kind fault);

} // namespace sextant::null_server
