// driver_traffic.hpp: How a driver talks to one engine: the same passes over sockets and in virtual time.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/load/driver.hpp"
#include "actors/load/plan.hpp"
#include "messages/records.hpp"

namespace sextant::load {

/// What a pass over the traffic is for.
enum class pass : uint8_t { warming, measured };

/// Whether a measured wave was played in time.
enum class wave_verdict : uint8_t {
  good,
  again,    ///< too late; the speed is lower now (a few times in an attempt at most)
  too_late, ///< too late, and nothing more to be done about it
};

class playing_pace;

/// What tests set. 0 = from the work, null = of this process.
struct traffic_limits {
  int64_t connect_timeout_ns = 0;
  int64_t request_timeout_ns = 0;
  playing_pace* pace = nullptr;
};

/// Closed-loop traffic at one engine. Used by one thread.
class engine_traffic {
public:
  virtual ~engine_traffic() = default;

  /// Sends requests in order, `concurrency` in flight, and appends one record each, in order of `requests`. Returns what
  /// ends the attempt; requests that failed alone are on record.
  virtual std::optional<failure> play(const std::vector<traffic_request>& requests, int concurrency, pass what,
                                      std::vector<request_record>& records) = 0;
  /// Judges the last measured pass, of which this latency came out. May lower the speed. A pass that was clearly too late
  /// ends early and without records; its verdict is `again`.
  virtual wave_verdict judge_wave(double measured_ms) = 0;

  virtual int64_t began_unix_ns() const = 0; ///< wall clock at the first send of the last pass
  virtual int64_t engine_ns() const = 0;     ///< engine time of all passes
  virtual int64_t traffic_ns() const = 0;    ///< wall time of all passes, first send to last token each
  virtual double speed() const = 0;          ///< engine seconds per wall second; 0 = as fast as it goes
  virtual std::string clock() const = 0;     ///< `live`, `scaled` or `virtual`
};

/// Traffic over HTTP, or nothing and the failure.
std::unique_ptr<engine_traffic> make_http_traffic(const measure_point& work, const traffic_limits& limits,
                                                  const std::atomic<bool>& cancelled, failure& error);
/// Traffic in virtual time at an engine kept in this process under (request, engine, incarnation), or nothing and the
/// failure.
std::unique_ptr<engine_traffic> make_virtual_traffic(const std::string& request, const measure_point& work,
                                                     const std::atomic<bool>& cancelled, failure& error);

/// `drive_measurement` with other time-outs than the work asks for.
drive_outcome drive_with_limits(const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled,
                                const traffic_limits& limits);

/// CLOCK_REALTIME in nanoseconds.
int64_t unix_ns();
/// A time of that clock as RFC 3339 text in UTC with microseconds.
std::string rfc3339_text(int64_t unix_ns);

/// The failure of a measurement that was taken back.
failure cancelled_failure();

} // namespace sextant::load
