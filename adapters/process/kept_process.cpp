// kept_process.cpp: The owner's side of a keeper.
#include "adapters/process/kept_process.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/process/descriptor.hpp"
#include "adapters/process/keeper.hpp"

namespace sextant {

namespace {

namespace fs = std::filesystem;
using keeping::keeper_plan;
using keeping::keeper_report;

std::string system_error(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

/// `NAME=value` of everything this process has and what is added to it.
std::vector<std::string> environment_of(const std::vector<std::pair<std::string, std::string>>& added) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text{*entry};
    const auto equals = text.find('=');
    all[text.substr(0, equals)] = equals == std::string::npos ? std::string{} : text.substr(equals + 1);
  }
  for (const auto& [name, value] : added)
    all[name] = value;
  std::vector<std::string> result;
  for (const auto& [name, value] : all)
    result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

class owned_process final : public kept_process {
public:
  ~owned_process() override {
    ask_to_end();
    if (keeper_ > 0 && !reaped_)
      ::waitpid(keeper_, nullptr, 0);
  }

  std::string begin(const process_settings& settings);

  int pid() const override { return pid_; }
  int end_fd() const override { return report_.get(); }

  std::optional<process_end> ended() override {
    if (end_)
      return end_;
    pollfd readable{report_.get(), POLLIN, 0};
    if (::poll(&readable, 1, 0) != 1)
      return std::nullopt;
    process_end end;
    keeper_report report;
    end.known = ::read(report_.get(), &report, sizeof report) == sizeof report;
    if (end.known && WIFSIGNALED(report.wait_status))
      end.signal = WTERMSIG(report.wait_status);
    else if (end.known)
      end.code = WEXITSTATUS(report.wait_status);
    ::waitpid(keeper_, nullptr, 0);
    reaped_ = true;
    end_ = end;
    return end_;
  }

  void ask_to_end() override {
    if (life_)
      ::send(life_.get(), "e", 1, MSG_NOSIGNAL); // the keeper may be gone
    life_ = descriptor{};
  }

private:
  descriptor life_, report_;
  pid_t keeper_ = 0, pid_ = 0;
  bool reaped_ = false;
  std::optional<process_end> end_;
};

std::string owned_process::begin(const process_settings& settings) {
  if (settings.arguments.empty())
    return "no program is given";
  const auto program = find_program(settings.arguments.front());
  if (program.empty())
    return settings.arguments.front() + ": there is no such program";
  std::error_code code;
  if (!fs::is_directory(settings.directory, code))
    return settings.directory + ": there is no such directory";
  const descriptor log{::open(settings.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  if (!log)
    return system_error(settings.log_path);
  int life[2], report[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) != 0)
    return system_error("cannot make a pair of sockets");
  const descriptor life_reader{life[0]};
  life_ = descriptor{life[1]};
  if (::pipe2(report, O_CLOEXEC) != 0)
    return system_error("cannot make a pipe");
  report_ = descriptor{report[0]};
  descriptor report_writer{report[1]};

  auto arguments = settings.arguments;
  auto environment = environment_of(settings.environment);
  const auto argument_list = pointers_to(arguments);
  const auto environment_list = pointers_to(environment);
  keeper_plan plan;
  plan.program = program.c_str();
  plan.arguments = argument_list.data();
  plan.environment = environment_list.data();
  plan.directory = settings.directory.c_str();
  plan.log_fd = log.get();
  plan.life_fd = life_reader.get();
  plan.report_fd = report_writer.get();
  plan.grace_ms = static_cast<int>(std::max(0.0, settings.grace_s) * 1000);
  keeper_ = ::fork();
  if (keeper_ < 0)
    return system_error("cannot fork");
  if (keeper_ == 0)
    keeping::keep(plan);
  report_writer = descriptor{};
  if (::read(report_.get(), &pid_, sizeof pid_) != sizeof pid_ || pid_ <= 0)
    return "the process cannot be forked";
  return {};
}

} // namespace

std::string process_end::text() const {
  if (!known)
    return "its keeper was killed";
  if (signal != 0)
    return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  return "exit code " + std::to_string(code);
}

std::unique_ptr<kept_process> kept_process::start(const process_settings& settings, std::string& error) {
  auto process = std::make_unique<owned_process>();
  error = process->begin(settings);
  if (!error.empty())
    return nullptr;
  return process;
}

std::string find_program(const std::string& name) {
  if (name.empty())
    return {};
  if (name.find('/') != std::string::npos)
    return ::access(name.c_str(), X_OK) == 0 ? fs::absolute(name).string() : std::string{};
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const auto colon = std::min(rest.find(':'), rest.size());
    const auto candidate = std::string{rest.substr(0, colon)} + "/" + name;
    std::error_code code;
    if (colon > 0 && fs::is_regular_file(candidate, code) && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return {};
}

} // namespace sextant
