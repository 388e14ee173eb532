// load.hpp: LOAD drives measurements, each in a MEASUREMENT actor with a thread of its own.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/load/driver.hpp"
#include "actors/mail.hpp"
#include "messages/codec.hpp"

namespace sextant {

/// A measurement came to its end; sent by its MEASUREMENT actor.
struct measurement_ended {
  std::string run;
  std::shared_ptr<const drive_outcome> outcome;
};

/// The records of a run are stored (or refused).
struct records_stored {
  std::string run;
};

/// Interface of LOAD.
using load_actor = caf::typed_actor<
    // Points to measure.
    caf::reacts_to<bus_mail>,
    // Whether a point is still wanted.
    caf::reacts_to<work_verdict>,
    // The end of a measurement.
    caf::reacts_to<measurement_ended>,
    // Its records are safe, so its work is done.
    caf::reacts_to<records_stored>,
    // Ticks once a second.
    caf::reacts_to<reminder>>;

/// What this node offers.
struct load_settings {
  std::string zone = "default";
  int max_measurements = 6; ///< at the same time
  /// Drives a measurement; blocks, so each has a thread of its own.
  measurement_driver drive = drive_measurement;
  bool virtual_time =
      false; ///< measurements have no threads and last as long as their engines were busy by the actors' clock
};

/// State of LOAD. When it is restarted, running measurements stop and their work is delivered again.
struct load_state {
  static inline const char* name = "load";

  ~load_state();
  void start();
  void take(const bus_mail& mail);
  void take_verdict(const work_verdict& verdict);
  void take_outcome(const measurement_ended& end);
  void take_stored(const records_stored& stored);
  void measurement_died(const caf::down_msg& down);
  void tick();

  struct running_measurement {
    std::string request;
    measure_point work;
    delivery_ptr receipt;
    caf::actor actor;
    std::shared_ptr<std::atomic<bool>> cancelled;
    bool driven = false; ///< the actor has delivered its outcome
  };

  /// Work whose session was asked and has not answered yet.
  struct offered_point {
    std::string request;
    measure_point work;
    delivery_ptr receipt;
  };

  // -- steps ------------------------------------------------------------------------------------------
  void start_measuring(offered_point point);
  void publish_records(const std::string& run, const attempt_records& records);
  void publish_failure(const std::string& run, const failure& why);

  load_actor::pointer self = nullptr;
  surroundings around;
  load_settings settings;
  uint64_t runs = 0;
  uint64_t tickets = 0;
  std::map<uint64_t, offered_point> offered;
  std::map<std::string, running_measurement> running;
  std::vector<subscription_ptr> subscriptions;
};

load_actor::behavior_type load(load_actor::stateful_pointer<load_state> self, surroundings around, load_settings settings);

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::measurement_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::records_stored)
