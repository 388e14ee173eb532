// keeper.cpp: Adopts, watches and ends the descendants of one process.
#include "adapters/process/keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace sextant::keeping {

namespace {

constexpr int look_again_ms = 20; ///< between rounds of killing: a process may fork while it is being looked for

/// An entry of a directory as the kernel gives it; opendir would allocate.
struct raw_entry {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

int64_t now_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

int number_of(const char* text) {
  int value = 0;
  for (; *text >= '0' && *text <= '9'; ++text)
    value = value * 10 + (*text - '0');
  return *text == '\0' ? value : 0;
}

/// Parent of a process from /proc/PID/stat; 0 if it is gone or a zombie.
pid_t parent_of(pid_t pid) {
  char path[32] = "/proc/";
  char* end = path + 6;
  char digits[12];
  int count = 0;
  for (int rest = pid; rest > 0; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0)
    *end++ = digits[--count];
  std::memcpy(end, "/stat", 6);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  char text[512];
  const auto size = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (size <= 0)
    return 0;
  text[size] = '\0';
  const char* name_end = std::strrchr(text, ')'); // the name may hold anything
  if (!name_end || name_end[1] == '\0' || name_end[2] == 'Z' || name_end[2] == '\0' || name_end[3] == '\0')
    return 0;
  pid_t parent = 0;
  for (const char* c = name_end + 4; *c >= '0' && *c <= '9'; ++c)
    parent = parent * 10 + (*c - '0');
  return parent;
}

bool descends_from(pid_t pid, pid_t ancestor) {
  for (int depth = 0; pid > 1 && depth < 64; ++depth) {
    pid = parent_of(pid);
    if (pid == ancestor)
      return true;
  }
  return false;
}

/// Sends a signal to every living descendant of this process.
void signal_descendants(int number) {
  const int fd = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  const auto me = ::getpid();
  alignas(raw_entry) char buffer[4096];
  for (;;) {
    const auto size = ::syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (size <= 0)
      break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const raw_entry*>(buffer + at);
      at += entry->length;
      const auto pid = static_cast<pid_t>(number_of(entry->name));
      if (pid > 1 && descends_from(pid, me))
        ::kill(pid, number);
    }
  }
  ::close(fd);
}

[[noreturn]] void become_process(const keeper_plan& plan, pid_t keeper) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // should the keeper itself be killed
  if (::getppid() != keeper)
    ::_exit(127);
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir(plan.directory) == 0)
    ::execve(plan.program, plan.arguments, plan.environment);
  constexpr char text[] = "the process cannot be started: ";
  (void)!::write(2, text, sizeof text - 1);
  const char* why = ::strerrordesc_np(errno);
  (void)!::write(2, why, std::strlen(why));
  (void)!::write(2, "\n", 1);
  ::_exit(127);
}

/// One keeper at work.
class keeper {
public:
  explicit keeper(const keeper_plan& plan) : plan_(plan) {}

  [[noreturn]] void run() {
    child_ = ::fork();
    if (child_ == 0)
      become_process(plan_, parent_);
    (void)!::write(plan_.report_fd, &child_, sizeof child_);
    if (child_ > 0) {
      watch();
      end_all();
    }
    const keeper_report report{status_};
    (void)!::write(plan_.report_fd, &report, sizeof report);
    ::_exit(0);
  }

private:
  /// Waits until the process ended, or somebody wants its end.
  void watch() {
    while (!child_gone_ && grace_ms_ < 0) {
      wait(-1);
      reap();
    }
    if (grace_ms_ < 0)
      grace_ms_ = std::min(plan_.grace_ms, orphan_grace_ms); // what it leaves behind is of no use to anybody
  }

  /// Asks every descendant to end, then kills what is left until nothing is.
  void end_all() {
    reap();
    if (nothing_left_)
      return;
    signal_descendants(SIGTERM);
    signal_descendants(SIGCONT);
    const auto limit = now_ms() + grace_ms_;
    while (!nothing_left_ && now_ms() < limit) {
      wait(static_cast<int>(limit - now_ms()));
      reap();
    }
    while (!nothing_left_) {
      signal_descendants(SIGKILL);
      wait(look_again_ms);
      reap();
    }
  }

  void reap() {
    for (;;) {
      int status = 0;
      const auto pid = ::waitpid(-1, &status, WNOHANG);
      if (pid == child_) {
        child_gone_ = true;
        status_ = status;
      }
      if (pid < 0 && errno == ECHILD)
        nothing_left_ = true;
      if (pid <= 0)
        return;
    }
  }

  /// Waits for a child's end or news from the owner.
  void wait(int limit_ms) {
    pollfd both[] = {{signals_, POLLIN, 0}, {owner_known_ ? plan_.life_fd : -1, POLLIN, 0}};
    if (::poll(both, 2, limit_ms) <= 0)
      return;
    if (both[0].revents != 0) {
      signalfd_siginfo drained;
      while (::read(signals_, &drained, sizeof drained) > 0)
        ;
    }
    if (both[1].revents != 0) {
      char byte = 0;
      const bool asked = ::read(plan_.life_fd, &byte, 1) == 1;
      grace_ms_ = asked ? plan_.grace_ms : orphan_grace_ms;
      owner_known_ = false;
    }
  }

  static int open_signals() {
    sigset_t all, child;
    ::sigfillset(&all); // a keeper must outlive what it keeps: nothing but SIGKILL ends it
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::signal(SIGCHLD, SIG_DFL); // an ignored one would make zombies vanish with their status
    return ::signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  }

  const keeper_plan& plan_;
  const pid_t parent_ = ::getpid();
  const int signals_ = open_signals();
  pid_t child_ = 0;
  int status_ = 0;
  int grace_ms_ = -1; ///< -1: nobody wants the end
  bool child_gone_ = false, nothing_left_ = false;
  bool owner_known_ = true; ///< the owner's wish may still come
};

} // namespace

void keep(const keeper_plan& plan) {
  ::setsid(); // Ctrl-C at the terminal is for the owner, which ends us in order
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "sextant-keeper");
  // Only what is needed stays open: a copy of another keeper's life line would keep that one waiting for ever.
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int kept[] = {nothing, plan.log_fd, plan.log_fd, plan.life_fd, plan.report_fd};
  const int above = *std::max_element(kept, kept + 5) + 1; // first out of the way, then into place
  for (int i = 0; i < 5; ++i)
    ::dup2(kept[i], above + i);
  for (int i = 0; i < 5; ++i)
    ::dup2(above + i, i);
  ::close_range(5, ~0U, 0);
  ::fcntl(3, F_SETFD, FD_CLOEXEC);
  ::fcntl(4, F_SETFD, FD_CLOEXEC);
  auto own = plan;
  own.log_fd = 1;
  own.life_fd = 3;
  own.report_fd = 4;
  keeper{own}.run();
}

} // namespace sextant::keeping
