// exec_plugin.cpp: Runs a credential plug-in: its output through a pipe, within a time.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/http/client.hpp"
#include "adapters/kubernetes/credentials.hpp"

extern char** environ;

namespace sextant::kubernetes {

namespace {

constexpr size_t longest_answer = 1024 * 1024;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// This process's environment with the plug-in's variables in place of those of the same name.
std::vector<std::string> environment_for(const exec_plugin& plugin) {
  auto extra = plugin.environment;
  extra.emplace_back("KUBERNETES_EXEC_INFO", exec_info(plugin));
  std::vector<std::string> out;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text{*variable};
    const auto name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [key, value] : extra)
      replaced = replaced || key == name;
    if (!replaced)
      out.emplace_back(text);
  }
  for (const auto& [key, value] : extra)
    out.push_back(key + "=" + value);
  return out;
}

/// Everything until the end of the pipe; false when the time is over.
bool read_all(int fd, double timeout_s, std::string& out) {
  const int64_t until = monotonic_ns() + static_cast<int64_t>(timeout_s * 1e9);
  std::array<char, 16384> part{};
  for (;;) {
    const int64_t left_ms = (until - monotonic_ns()) / 1'000'000;
    pollfd p{fd, POLLIN, 0};
    if (left_ms <= 0 || poll(&p, 1, static_cast<int>(left_ms)) == 0)
      return false;
    const auto n = read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return true;
    if (out.size() < longest_answer)
      out.append(part.data(), static_cast<size_t>(n));
  }
}

} // namespace

std::optional<std::string> run_exec_plugin(const exec_plugin& plugin, double timeout_s, std::string& error) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    error = std::string{"no pipe: "} + std::strerror(errno);
    return std::nullopt;
  }
  std::vector<std::string> arguments{plugin.command};
  arguments.insert(arguments.end(), plugin.arguments.begin(), plugin.arguments.end());
  auto environment = environment_for(plugin);
  const auto argv = pointers(arguments), envp = pointers(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); // a group of its own, so that all of it can be ended
  pid_t pid = 0;
  const int rc = posix_spawnp(&pid, plugin.command.c_str(), &actions, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (rc != 0) {
    close(ends[0]);
    error = std::string{"it cannot be run: "} + std::strerror(rc);
    return std::nullopt;
  }
  std::string out;
  const bool in_time = read_all(ends[0], timeout_s, out);
  close(ends[0]);
  if (!in_time)
    kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time)
    error = "it gave no answer in " + std::to_string(static_cast<int>(timeout_s)) + " s";
  else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    error = WIFEXITED(status) ? "it ended with exit code " + std::to_string(WEXITSTATUS(status)) : "a signal ended it";
  return error.empty() ? std::optional{out} : std::nullopt;
}

} // namespace sextant::kubernetes
