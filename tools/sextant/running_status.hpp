// running_status.hpp: `profiler_status.yaml` from the start of a profile to its end, for those who only see the file.
#pragma once

#include <memory>
#include <string>

#include "tools/sextant/console.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

/// Whether a happening is worth a new status file: another stage at once, another count of points after a while, since
/// those who relay the file look at it every few seconds only.
bool worth_telling(const progress& told, const progress& event, double seconds_since);

/// Keeps `profiler_status.yaml` of a directory saying `running` with the sub-phase, until the writer of the results has
/// put its last word there. Errors of writing go to the log.
class running_status {
public:
  /// Remembers what the file said, and says that the job has started.
  explicit running_status(std::string directory);

  /// A console that also tells the file what it is shown.
  std::unique_ptr<console> relayed(std::unique_ptr<console> view);

  /// The file's last word after the events of the request have ended. A request that was finished before is answered without
  /// being written again: then the file gets back what it said. A failure is told with its cause and the stage it happened
  /// in.
  void ended(const profile_request& request, const watch_end& end);

private:
  friend class relaying_console;

  void note(const envelope& event);
  std::string now() const;
  void put(const std::string& error_of_writing) const;
  void tell(const std::string& status, const std::string& message, const std::string& error, bool with_outputs);

  std::string directory_, path_;
  std::string before_;  ///< the file when this process started
  std::string running_; ///< the file as this process last wrote it
  std::string failure_;
  progress told_;
  std::chrono::steady_clock::time_point told_at_;
};

} // namespace sextant
