// kept_process.hpp: A child process that leaves nothing behind: whatever it started ends with it and with this process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sextant {

/// What is to be started.
struct process_settings {
  std::vector<std::string> arguments;                           ///< the program first; looked up in PATH without a slash
  std::vector<std::pair<std::string, std::string>> environment; ///< set or replaced beside what this process has
  std::string directory;                                        ///< working directory
  std::string log_path;                                         ///< standard output and error are appended to it
  double grace_s = 10;                                          ///< seconds from asking it to end (SIGTERM) to SIGKILL
};

/// How a process ended.
struct process_end {
  bool known = true; ///< false: its keeper was killed before it could tell
  int code = 0;      ///< exit code, if no signal ended it
  int signal = 0;

  /// `exit code 1`, `signal 9 (Killed)`
  std::string text() const;
};

/// A running process and all of its descendants. Between it and this process stands a keeper: a small process in a session
/// of its own that adopts orphaned descendants, and ends all of them when the process ends, when it is asked to, or when
/// this process is gone for whatever reason. Destruction ends everything and waits for it.
class kept_process {
public:
  /// Starts it. Nothing and an error text if the program, the directory or the log file cannot be used.
  static std::unique_ptr<kept_process> start(const process_settings& settings, std::string& error);

  virtual ~kept_process() = default;
  /// Of the process, not of its keeper.
  virtual int pid() const = 0;
  /// Readable once the process and all it started are gone. For `poll`.
  virtual int end_fd() const = 0;
  /// How it ended; nothing while any of it is there. Does not block.
  virtual std::optional<process_end> ended() = 0;
  /// Asks all of it to end, by force when the grace is over. Returns at once.
  virtual void ask_to_end() = 0;
};

/// Path of a program as a shell would find it; empty if there is none.
std::string find_program(const std::string& name);

} // namespace sextant
