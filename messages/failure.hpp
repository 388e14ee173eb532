// failure.hpp: How something went wrong: class, cause and evidence. Travels in results and events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/describe.hpp"

namespace sextant {

/// Whether trying again may help. Classified where the failure is seen.
enum class failure_class : uint8_t {
  transient, ///< node lost, timeout, pull back-off: tried again elsewhere, at most 3 attempts
  permanent, ///< out of memory, crash loop, unsupported mapping, bad flag: recorded, never repeated
};

template <>
struct enum_names<failure_class> {
  static constexpr std::array values{
      std::pair{failure_class::transient, std::string_view{"transient"}},
      std::pair{failure_class::permanent, std::string_view{"permanent"}},
  };
};

/// Stable cause codes; the numbers do not travel, the texts do.
enum class failure_cause : uint8_t {
  unknown,
  node_lost,         ///< the node or process that ran the work is gone
  engine_gone,       ///< the engine's endpoint refuses or vanished
  start_timeout,     ///< the engine was not ready within its deployment timeout
  crash_loop,        ///< the engine ended repeatedly while starting
  out_of_memory,     ///< weights or KV cache do not fit
  unsupported,       ///< back end refuses the mapping or a flag
  capacity_unknown,  ///< KV capacity found neither in metrics nor in logs
  request_failed,    ///< requests of a measurement failed or had wrong lengths
  too_few_samples,   ///< a measurement ended with too few valid requests
  played_too_slowly, ///< the machine could not play the simulated engine in its time
  records_lost,      ///< records of an attempt are incomplete
  image_unavailable, ///< an image cannot be pulled or used
  unschedulable,     ///< no node of the cluster has room for the engine, or may run it
  mount_failed,      ///< a volume, ConfigMap or Secret of the engine is not there
  quota_exceeded,    ///< a quota of the namespace leaves no room
  rejected,          ///< the cluster refuses the deployment: validation, admission, permissions
  cancelled,         ///< the person or service that asked took it back
  internal,          ///< a defect of Sextant; the detail says where
};

template <>
struct enum_names<failure_cause> {
  static constexpr std::array values{
      std::pair{failure_cause::unknown, std::string_view{"unknown"}},
      std::pair{failure_cause::node_lost, std::string_view{"node_lost"}},
      std::pair{failure_cause::engine_gone, std::string_view{"engine_gone"}},
      std::pair{failure_cause::start_timeout, std::string_view{"start_timeout"}},
      std::pair{failure_cause::crash_loop, std::string_view{"crash_loop"}},
      std::pair{failure_cause::out_of_memory, std::string_view{"out_of_memory"}},
      std::pair{failure_cause::unsupported, std::string_view{"unsupported"}},
      std::pair{failure_cause::capacity_unknown, std::string_view{"capacity_unknown"}},
      std::pair{failure_cause::request_failed, std::string_view{"request_failed"}},
      std::pair{failure_cause::too_few_samples, std::string_view{"too_few_samples"}},
      std::pair{failure_cause::played_too_slowly, std::string_view{"played_too_slowly"}},
      std::pair{failure_cause::records_lost, std::string_view{"records_lost"}},
      std::pair{failure_cause::image_unavailable, std::string_view{"image_unavailable"}},
      std::pair{failure_cause::unschedulable, std::string_view{"unschedulable"}},
      std::pair{failure_cause::mount_failed, std::string_view{"mount_failed"}},
      std::pair{failure_cause::quota_exceeded, std::string_view{"quota_exceeded"}},
      std::pair{failure_cause::rejected, std::string_view{"rejected"}},
      std::pair{failure_cause::cancelled, std::string_view{"cancelled"}},
      std::pair{failure_cause::internal, std::string_view{"internal"}},
  };
};

/// A failure with its class, its cause and what was seen.
struct failure {
  failure_class kind = failure_class::transient;
  failure_cause cause = failure_cause::unknown;
  std::string detail;                ///< one sentence for people
  std::vector<std::string> log_tail; ///< the engine's last log lines, oldest first; may be empty
};

template <class Visitor>
void describe(Visitor& v, failure& x) {
  v.required("class", x.kind, "whether another attempt may help");
  v.required("cause", x.cause, "stable cause code");
  v.field("detail", x.detail, "one sentence for people");
  v.field("log_tail", x.log_tail, "last log lines of the engine, oldest first");
}

} // namespace sextant
