// gnuplot_process.cpp: One gnuplot process: script in, exit status out, bounded in time.
#include "adapters/gnuplot/plot.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace sextant {

namespace {

// Ends with its owner: no descriptor stays open.
struct descriptor {
  int fd = -1;
  descriptor() = default;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { reset(); }
  void reset() {
    if (fd >= 0)
      ::close(fd);
    fd = -1;
  }
};

struct process {
  pid_t pid = -1;
  descriptor input;  ///< a socket: writing to a dead process gives an error instead of SIGPIPE
  descriptor output; ///< what it prints on standard error
};

std::string start(process& p) {
  std::array<int, 2> in{}, out{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in.data()) != 0)
    return std::string{"socketpair: "} + std::strerror(errno);
  p.input.fd = in[0];
  descriptor child_in;
  child_in.fd = in[1];
  if (::pipe2(out.data(), O_CLOEXEC) != 0)
    return std::string{"pipe: "} + std::strerror(errno);
  p.output.fd = out[0];
  descriptor child_out;
  child_out.fd = out[1];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_in.fd, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, child_out.fd, 2);
  char name[] = "gnuplot", option[] = "-d", script[] = "-";
  // `-d`: the user's own start-up file must not change the pictures.
  char* argv[] = {name, option, script, nullptr};
  const int code = ::posix_spawnp(&p.pid, "gnuplot", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    return std::string{"cannot start gnuplot: "} + std::strerror(code);
  return {};
}

// Writes the script and reads complaints until the process closes its standard error. False when time is up.
bool converse(process& p, const std::string& script, std::string& complaints, double timeout_s) {
  using clock = std::chrono::steady_clock;
  const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(timeout_s));
  size_t sent = 0;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock::now()).count();
    if (left <= 0)
      return false;
    std::array<pollfd, 2> fds{{{p.output.fd, POLLIN, 0}, {p.input.fd, POLLOUT, 0}}};
    if (::poll(fds.data(), p.input.fd >= 0 ? 2 : 1, static_cast<int>(left)) < 0 && errno != EINTR)
      return true;
    if (p.input.fd >= 0 && (fds[1].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
      const auto n = ::send(p.input.fd, script.data() + sent, script.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0)
        sent += static_cast<size_t>(n);
      if (sent == script.size() || (n < 0 && errno != EAGAIN && errno != EINTR))
        p.input.reset();
    }
    if ((fds[0].revents & (POLLIN | POLLHUP)) != 0) {
      std::array<char, 4096> buffer{};
      const auto n = ::read(p.output.fd, buffer.data(), buffer.size());
      if (n <= 0)
        return true;
      if (complaints.size() < 4096)
        complaints.append(buffer.data(), static_cast<size_t>(n));
    }
  }
}

} // namespace

std::string run_gnuplot(const std::string& script, double timeout_s) {
  process p;
  if (auto error = start(p); !error.empty())
    return error;
  std::string complaints;
  const bool in_time = converse(p, script, complaints, timeout_s);
  if (!in_time)
    ::kill(p.pid, SIGKILL);
  int status = 0;
  while (::waitpid(p.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time)
    return "gnuplot was not done within " + std::to_string(static_cast<int>(timeout_s)) + " s";
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return "gnuplot failed: " + complaints;
  return {};
}

} // namespace sextant
