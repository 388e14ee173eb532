// metrics.hpp: METRICS turns token records into the result of a point.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/mail.hpp"

namespace sextant {

/// Interface of METRICS.
using metrics_actor = caf::typed_actor<
    // A chunk of token records.
    caf::reacts_to<bus_mail>,
    // The lease of its zone: held, or somebody else's.
    caf::reacts_to<lease_mail>,
    // Ticks once a second.
    caf::reacts_to<reminder>>;

/// What this process takes.
struct metrics_settings {
  std::string zone = "default"; ///< of the load whose records it takes
};

/// State of METRICS. The chunks of a run must come together in one process: of several in a zone one takes them, as long as
/// it holds the zone's lease. When that is lost or METRICS is restarted, unsettled chunks are delivered again.
struct metrics_state {
  static inline const char* name = "metrics";

  ~metrics_state();

  void ask_for_lease();
  void take(const bus_mail& mail);
  void take_lease(const lease& answer);
  void tick();

  /// Chunks of one run that have arrived so far.
  struct collection {
    std::map<uint64_t, std::string> chunks; ///< by stream sequence
    std::vector<delivery_ptr> receipts;
    int age = 0; ///< ticks since the last chunk
  };

  metrics_actor::pointer self = nullptr;
  surroundings around;
  metrics_settings settings;
  std::map<std::string, collection> runs; ///< by subject
  lease zone_lease;
  subscription_ptr chunks; ///< while the lease is held
};

metrics_actor::behavior_type metrics(metrics_actor::stateful_pointer<metrics_state> self, surroundings around,
                                     metrics_settings settings);

} // namespace sextant
