#include "tools/sextant/waiting.hpp"

#include <csignal>
#include <cstdint>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sextant {

namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

} // namespace

void hold_signals() {
  const auto set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

event_queue::event_queue() : wake_fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  const auto set = ending_signals();
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

event_queue::~event_queue() {
  close(wake_fd_);
  close(signal_fd_);
}

void event_queue::push(envelope e) {
  const std::lock_guard guard{mutex_};
  events_.push_back(std::move(e));
  const uint64_t one = 1;
  [[maybe_unused]] auto n = write(wake_fd_, &one, sizeof one);
}

void event_queue::fail(std::string why) {
  const std::lock_guard guard{mutex_};
  if (!failure_)
    failure_ = std::move(why);
  const uint64_t one = 1;
  [[maybe_unused]] auto n = write(wake_fd_, &one, sizeof one);
}

std::optional<std::string> event_queue::failure_text() const {
  const std::lock_guard guard{mutex_};
  return failure_;
}

wake event_queue::next(std::chrono::milliseconds timeout, envelope& event) {
  const auto take = [&] {
    const std::lock_guard guard{mutex_};
    if (events_.empty())
      return false;
    event = std::move(events_.front());
    events_.pop_front();
    return true;
  };
  if (take())
    return wake::event;
  pollfd fds[2]{{wake_fd_, POLLIN, 0}, {signal_fd_, POLLIN, 0}};
  poll(fds, 2, static_cast<int>(timeout.count()));
  uint64_t drained;
  [[maybe_unused]] auto n = read(wake_fd_, &drained, sizeof drained);
  if (fds[1].revents & POLLIN) {
    signalfd_siginfo info;
    n = read(signal_fd_, &info, sizeof info);
    return wake::signal;
  }
  return take() ? wake::event : wake::time;
}

} // namespace sextant
