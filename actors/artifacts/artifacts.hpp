// artifacts.hpp: ARTIFACTS writes what a request leaves behind: gathers its results, writes in a WRITER actor's thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/artifacts/writer.hpp"
#include "actors/mail.hpp"

namespace sextant {

/// All results of a job were read.
struct results_gathered {
  std::string job;
};

/// The WRITER of a job is done.
struct output_written {
  std::string job;
  write_outcome outcome;
};

/// Interface of ARTIFACTS.
using artifacts_actor = caf::typed_actor<
    // Requests to write, and the results of such requests.
    caf::reacts_to<bus_mail>, caf::reacts_to<results_gathered>, caf::reacts_to<output_written>,
    // Ticks once a second.
    caf::reacts_to<reminder>>;

/// Where this installation writes.
struct artifacts_settings {
  std::string root = "profiling_results";
  bool folder_per_request = true; ///< `root/<id>`; a single profile writes into `root` itself
  /// Writes an output directory; blocks, so each has a thread of its own.
  output_writer write = write_output;
  bool virtual_time = false; ///< writing has no threads
};

/// State of ARTIFACTS. When it is restarted, unfinished jobs are delivered again; writing twice is harmless.
struct artifacts_state {
  static inline const char* name = "artifacts";

  void start();
  void take(const bus_mail& mail);
  void gathered(const std::string& job);
  void written(const output_written& done);
  void writer_died(const caf::down_msg& down);
  void tick();

  struct writing_job {
    std::string work; ///< id of the message that asked
    write_artifacts what;
    delivery_ptr receipt;
    int topic = 0;
    std::set<std::string> seen; ///< points that have a result already
    std::vector<point_measured> points;
    std::vector<engine_ready> engines;
    subscription_ptr results;
    caf::actor writer;
  };

  std::string directory_of(const std::string& id) const;

  artifacts_actor::pointer self = nullptr;
  surroundings around;
  artifacts_settings settings;
  int last_topic = 0;
  std::map<std::string, writing_job> jobs; ///< by request id
  std::vector<subscription_ptr> subscriptions;
};

artifacts_actor::behavior_type artifacts(artifacts_actor::stateful_pointer<artifacts_state> self, surroundings around,
                                         artifacts_settings settings);

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::results_gathered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::output_written)
