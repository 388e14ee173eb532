// driver.hpp: Drives the traffic of one measurement at one endpoint. The part of LOAD that is not an actor.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "messages/failure.hpp"
#include "messages/records.hpp"

namespace sextant {

/// What came of an attempt: complete records, or a failure and no records.
struct drive_outcome {
  bool ok = false;
  attempt_records records;
  failure error;
};

/// Runs one measurement to its end in the calling thread (the load role gives each its own thread) and returns what came
/// of it. `cancelled` may be set from any thread; the measurement then ends within 100 ms as a transient failure.
/// Endpoints that start with `virtual:` are played in virtual time without sockets; all others are HTTP.
drive_outcome drive_measurement(const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled);

/// What drives measurements.
using measurement_driver =
    std::function<drive_outcome(const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled)>;

} // namespace sextant
