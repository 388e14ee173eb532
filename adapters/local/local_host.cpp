// local_host.cpp: The host, and the Python environment that it needs.
#include "adapters/local/local_host.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <poll.h>

#include "adapters/local/local_life.hpp"
#include "adapters/local/verdicts.hpp"
#include "adapters/process/descriptor.hpp"

namespace sextant {

namespace {

namespace fs = std::filesystem;
using namespace local;

constexpr int answer_ms = 60'000; ///< a cold disk may take its time over the first import

/// Folder of an engine: request, engine and attempt, in what any file system takes.
std::string folder_of(const std::string& key) {
  auto name = key;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '.' && c != '/'; },
      '_');
  return name;
}

class local_host final : public threaded_host {
public:
  explicit local_host(local_settings settings) : settings_(std::move(settings)), resources_(settings_.gpus) {}
  ~local_host() override { end_all(); }
  std::string kind() const override { return "local"; }

private:
  std::shared_ptr<engine_life> make_life(const std::string& key, const deploy_engine& what, ready_handler ready,
                                         failed_handler failed) override {
    return std::make_shared<local_life>(settings_, resources_, settings_.directory + "/" + folder_of(key), what,
                                        std::move(ready), std::move(failed));
  }

  const local_settings settings_;
  local_resources resources_;
};

} // namespace

std::unique_ptr<engine_host> make_local_host(const local_settings& settings) {
  return std::make_unique<local_host>(settings);
}

std::string find_dynamo(const std::string& python, const std::string& scratch_directory, dynamo_environment& found) {
  found.python = find_program(python);
  if (found.python.empty())
    return python + ": there is no such Python interpreter";
  std::error_code code;
  fs::create_directories(scratch_directory, code);
  process_settings question;
  question.arguments = {found.python, "-c",
                        "import importlib.metadata as m, dynamo.frontend\nprint('ai-dynamo', m.version('ai-dynamo'))"};
  question.directory = scratch_directory;
  question.log_path = scratch_directory + "/environment.log";
  fs::remove(question.log_path, code);
  std::string error;
  const auto process = kept_process::start(question, error);
  if (!process)
    return error;
  pollfd end{process->end_fd(), POLLIN, 0};
  if (::poll(&end, 1, answer_ms) != 1)
    return python + ": no answer in " + std::to_string(answer_ms / 1000) + " s";
  const auto lines = last_lines(file_tail(question.log_path, 4096), 1);
  if (process->ended()->code != 0 || lines.empty() || !lines.front().starts_with("ai-dynamo "))
    return python + ": its environment has no Dynamo" + (lines.empty() ? std::string{} : " (" + lines.front() + ")");
  found.version = lines.front().substr(10);
  return {};
}

bool takes_interface_names(const dynamo_environment& environment) {
  const char* text = environment.version.c_str();
  char* end = nullptr;
  const auto major = std::strtol(text, &end, 10);
  const auto minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return major < 1 || (major == 1 && minor <= 4);
}

} // namespace sextant
