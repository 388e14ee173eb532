// installation.hpp: The roles of one process, running and supervised. Hides the actor system from the mains.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/artifacts/writer.hpp"
#include "actors/load/driver.hpp"
#include "adapters/nats/bus.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "config/intake.hpp"
#include "messages/subjects.hpp"

namespace sextant {

/// Names of the roles a process can run.
inline const std::set<std::string>& all_roles() {
  static const std::set<std::string> roles{"intake", "search", "deployment", "load", "metrics", "artifacts"};
  return roles;
}

/// What one process runs, and how.
struct installation_settings {
  subjects names;
  std::set<std::string> roles = all_roles();
  std::string node = "local";
  std::string pool = "default";
  std::string zone = "local"; ///< where this process's load runs, and where the endpoints of its engines are reached
  std::string gpu;            ///< type of its GPUs; empty: whatever an engine asks for
  int gpus = 8;
  std::string version;               ///< of the program
  std::shared_ptr<engine_host> host; ///< of the deployment role
  int max_measurements = 6;
  std::string output_root = "profiling_results";
  bool folder_per_request = true;
  std::string only_request;                   ///< the one request that is worked on, others of the streams rest; empty: all
  named_files files = named_files::of_others; ///< whose the files are that requests name
  std::map<std::string, std::string> forced_options; ///< options that every request gets, whatever it says
  // -- what a simulation replaces ---------------------------------------------------------------------
  bool virtual_time = false; ///< no role has threads: all goes by the clock of the actors
  measurement_driver drive = drive_measurement;
  output_writer write = write_output;

  int restarts = 10;                               ///< of one role, before the process gives up
  std::function<void(std::string why)> on_give_up; ///< called once from an actor thread
};

/// How much an installation's streams may hold, and how safely.
struct stream_limits {
  std::chrono::hours retention{0}; ///< of requests and their results; 0: for ever
  double store_gib = 0;            ///< of all streams together; 0: what the server has
  int64_t max_requests = 0;        ///< kept at a time; 0: any number
  int replicas = 1;                ///< servers of a cluster that keep each stream
};

/// Creates the streams and buckets of an installation or brings them up to date. At a limit requests are refused, and work
/// and results wait; only events are forgotten, oldest first. Blocks. Error text or nothing.
std::string prepare_streams(bus& link, const subjects& names, const stream_limits& limits = {});

/// Whether the streams of an installation are there, for who may not or need not make them. Blocks. Error text or nothing.
std::string find_streams(bus& link, const subjects& names);

/// Running roles; they end with this object, engines included. The bus must outlive it.
class installation {
public:
  static std::unique_ptr<installation> start(installation_settings settings, std::shared_ptr<bus> link);
  virtual ~installation() = default;

  /// Ends a role's actor as a crash would; its supervisor starts it again. For tests and drills.
  virtual void crash_role(const std::string& role) = 0;
  /// This process among all that ever were: who holds its leases.
  virtual std::string instance() const = 0;
  /// How often roles were started again.
  virtual int restarts() const = 0;
};

} // namespace sextant
