// process.hpp: What the commands share: files, logging, the bus of this process, events of one request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/nats/bus.hpp"
#include "messages/request.hpp"
#include "messages/subjects.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/console.hpp"
#include "tools/sextant/waiting.hpp"

namespace sextant {

/// Largest request document that is read.
inline constexpr size_t max_document_bytes = 16 * 1024 * 1024;

/// The text of a file, or an error.
std::optional<std::string> read_text(const std::string& path, std::string& error);

/// A submission from the command line's REQUEST file and options. Errors are printed; nothing then.
std::optional<submit_request> submission_from(const command_line& args);

/// Prints every error, one line each, and how many there are.
void print_errors(const std::vector<document_error>& errors);

/// Logs to a file (created with its folder), or nowhere for an empty path.
void start_logging(const std::string& path, const std::string& level);

/// Connects to the server of `--nats` as `nats_access` says; error text printed, nothing on failure.
std::shared_ptr<bus> connect_from(const command_line& args);

/// How a watched request ended.
struct watch_end {
  int exit = exit_failed;
  std::optional<profile_result> result;
  std::string directory;
};

/// Shows the events of a request until its last one, a signal, or a failure of this process.
watch_end watch_request(bus& link, const subjects& names, const std::string& id, event_queue& queue, console& view);

} // namespace sextant
