#include "tools/sextant/process.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include "adapters/nats/nats_bus.hpp"
#include "config/intake.hpp"
#include "tools/sextant/nats_access.hpp"

namespace sextant {

using std::chrono::milliseconds;

std::optional<std::string> read_text(const std::string& path, std::string& error) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    error = path + ": is a directory, accepted is a file";
    return std::nullopt;
  }
  std::ifstream in{path, std::ios::binary};
  if (!in) {
    error = path + ": cannot be read: " + std::strerror(errno);
    return std::nullopt;
  }
  std::string text;
  text.resize(max_document_bytes + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > max_document_bytes) {
    error = path + ": is larger than 16 MiB";
    return std::nullopt;
  }
  return text;
}

void print_errors(const std::vector<document_error>& errors) {
  for (const auto& error : errors)
    fprintf(stderr, "%s\n", format_error(error).c_str());
  fprintf(stderr, "%zu error%s; nothing was started\n", errors.size(), errors.size() == 1 ? "" : "s");
}

std::optional<submit_request> submission_from(const command_line& args) {
  submit_request submission;
  if (!args.positionals.empty()) {
    std::string error;
    auto text = read_text(args.positionals[0], error);
    if (!text) {
      fprintf(stderr, "%s\n1 error; nothing was started\n", error.c_str());
      return std::nullopt;
    }
    submission.document = std::move(*text);
    submission.source = args.positionals[0];
  }
  submission.options = args.request_options();
  return submission;
}

void start_logging(const std::string& path, const std::string& level) {
  std::shared_ptr<spdlog::logger> logger;
  if (path.empty()) {
    logger = spdlog::null_logger_mt("sextant");
  } else {
    std::error_code code;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), code);
    try {
      logger = spdlog::basic_logger_mt("sextant", path);
    } catch (const spdlog::spdlog_ex& e) {
      fprintf(stderr, "no log file: %s\n", e.what());
      logger = spdlog::null_logger_mt("sextant");
    }
  }
  logger->set_level(spdlog::level::from_str(level.empty() ? "info" : level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

std::shared_ptr<bus> connect_from(const command_line& args) {
  std::vector<document_error> wrong; // told before the command began
  const auto settings = nats_access(args, wrong);
  std::string error;
  auto link = connect_nats(settings, error);
  if (!link)
    fprintf(stderr, "--nats: %s\n", error.c_str());
  return link;
}

watch_end watch_request(bus& link, const subjects& names, const std::string& id, event_queue& queue, console& view) {
  watch_end end;
  auto enqueue = [&queue](bus_message m) {
    std::vector<codec_error> errors;
    if (auto e = decode_envelope(m.body, errors))
      queue.push(std::move(*e));
  };
  auto events = link.follow(names.event_stream(), names.event(id), 1, enqueue, [] {});
  auto last_question = std::chrono::steady_clock::now();
  for (;;) {
    envelope event;
    const auto why = queue.next(milliseconds{500}, event);
    if (why == wake::signal) {
      end.exit = exit_interrupted;
      return end;
    }
    if (auto failure = queue.failure_text()) {
      view.done();
      fprintf(stderr, "%s\n", failure->c_str());
      return end;
    }
    if (why == wake::time) {
      view.refresh();
      // Events live in the server's memory: after it was restarted, only the session knows how the request ended.
      if (std::chrono::steady_clock::now() - last_question > std::chrono::seconds{3}) {
        last_question = std::chrono::steady_clock::now();
        link.request(names.request_command(id, "get"), "{}", milliseconds{2000},
                     [enqueue](std::optional<bus_message> answer, const std::string&) {
                       if (answer)
                         enqueue(std::move(*answer));
                     });
      }
      continue;
    }
    if (event.kind == message_kind<request_summary>::value)
      continue;
    view.show(event);
    if (auto finished = message_as<profile_finished>(event)) {
      end.exit = finished->result.feasible ? exit_ok : exit_infeasible;
      end.result = std::move(finished->result);
      end.directory = std::move(finished->directory);
      return end;
    }
    if (auto failed = message_as<profile_failed>(event)) {
      view.done();
      fprintf(stderr, "%s: %s\n", std::string{to_text(failed->error.cause)}.c_str(), failed->error.detail.c_str());
      return end;
    }
    if (auto refused = message_as<request_refused>(event)) {
      view.done();
      print_errors(refused->errors);
      end.exit = exit_bad_input;
      return end;
    }
  }
}

} // namespace sextant
