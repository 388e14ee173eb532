// messages.hpp: Every message that travels, with its kind on the wire. The one list that codec and document share.
#pragma once

#include "messages/engine.hpp"
#include "messages/measure.hpp"
#include "messages/profile.hpp"
#include "messages/request.hpp"

/// Calls X(type) for every message kind; the kind on the wire is the type's name.
#define SEXTANT_FOR_EACH_MESSAGE(X)                                                                                         \
  X(submit_request)                                                                                                         \
  X(request_accepted)                                                                                                       \
  X(request_refused)                                                                                                        \
  X(cancel_request)                                                                                                         \
  X(budget_spent)                                                                                                           \
  X(profile_request)                                                                                                        \
  X(deploy_engine)                                                                                                          \
  X(release_engine)                                                                                                         \
  X(engine_ready)                                                                                                           \
  X(engine_failed)                                                                                                          \
  X(engine_lost)                                                                                                            \
  X(engine_released)                                                                                                        \
  X(work_wanted)                                                                                                            \
  X(node_alive)                                                                                                             \
  X(measure_point)                                                                                                          \
  X(point_measured)                                                                                                         \
  X(attempt_failed)                                                                                                         \
  X(write_artifacts)                                                                                                        \
  X(artifacts_written)                                                                                                      \
  X(profile_finished)                                                                                                       \
  X(profile_failed)                                                                                                         \
  X(progress)                                                                                                               \
  X(request_summary)                                                                                                        \
  X(list_requests)                                                                                                          \
  X(request_list)

namespace sextant {

template <class T>
struct message_kind;

#define SEXTANT_MESSAGE_KIND(type)                                                                                          \
  template <>                                                                                                               \
  struct message_kind<type> {                                                                                               \
    static constexpr std::string_view value = #type;                                                                        \
  };
SEXTANT_FOR_EACH_MESSAGE(SEXTANT_MESSAGE_KIND)
#undef SEXTANT_MESSAGE_KIND

} // namespace sextant
