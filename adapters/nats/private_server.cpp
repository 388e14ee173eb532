// private_server.cpp: Starts, watches and ends the private server from one thread of its own.
#include "adapters/nats/private_server.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "adapters/nats/server_files.hpp"

namespace sextant {

namespace {

using namespace std::chrono_literals;
using namespace private_files;
using clock = std::chrono::steady_clock;

constexpr auto start_limit = 10s;
constexpr auto end_limit = 3s; ///< from asking the server to end to killing it
constexpr auto restart_wait_max = 1000ms;

/// Everything the child needs between fork and exec, where nothing may allocate.
struct launch {
  std::string binary, config_path, store_dir;
  int log_fd = -1;  ///< becomes its standard output and error
  int life_fd = -1; ///< held by it alone: its end is an end of file at the other end
  int lock_fd = -1; ///< held by it, too, so that the store stays locked as long as it runs
};

[[noreturn]] void become_server(const launch& how, pid_t parent) {
  // The signal comes when the forking thread ends: that thread lives as long as the private_server.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent)
    ::_exit(1);
  ::setpgid(0, 0); // Ctrl-C at the terminal is for the parent, which ends us in order
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(how.log_fd, 1);
  ::dup2(how.log_fd, 2);
  ::fcntl(how.life_fd, F_SETFD, 0);
  ::fcntl(how.lock_fd, F_SETFD, 0);
  ::execl(how.binary.c_str(), "nats-server", "-c", how.config_path.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

class supervised_server : public private_server {
public:
  ~supervised_server() override {
    {
      std::lock_guard lock{mutex_};
      stop_ = true;
    }
    if (stop_writer_)
      stop_writer_ = descriptor{};
    if (monitor_.joinable())
      monitor_.join();
  }

  std::string url() const override { return "nats://127.0.0.1:" + std::to_string(config_.port); }
  std::string token() const override { return config_.token; }
  int pid() const override { return pid_; }

  std::string begin(const std::string& store_dir) {
    launch_.binary = find_server_binary();
    if (launch_.binary.empty())
      return "no nats-server found: install the package nats-server, set SEXTANT_NATS_SERVER, or use a server of yours";
    if (auto error = take_store(store_dir); !error.empty())
      return error;
    config_.token = random_token();
    if (config_.token.empty())
      return "the system gives no random numbers";
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return std::string{"cannot make a pipe: "} + std::strerror(errno);
    stop_reader_ = descriptor{ends[0]};
    stop_writer_ = descriptor{ends[1]};
    monitor_ = std::thread{[this] { monitor(); }};
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, start_limit + 1s, [this] { return first_start_done_; }))
      return "nats-server did not start in time";
    return start_error_;
  }

private:
  std::string take_store(const std::string& store_dir) {
    std::error_code code;
    std::filesystem::create_directories(store_dir, code);
    if (code)
      return "cannot create " + store_dir + ": " + code.message();
    const auto absolute = std::filesystem::absolute(store_dir, code).string();
    ::chmod(absolute.c_str(), 0700);
    std::string error;
    owner_lock_ = lock_file(absolute + "/owner.lock", error);
    if (!owner_lock_)
      return "the store " + absolute + " is in use by another sextant process (" + error + ")";
    // The server holds this one too: after a crash its old server may still be ending.
    const auto limit = clock::now() + end_limit;
    while (!(server_lock_ = lock_file(absolute + "/server.lock", error))) {
      if (clock::now() > limit)
        return "the nats-server of an earlier run still uses " + absolute + " (" + error + ")";
      std::this_thread::sleep_for(5ms);
    }
    config_.store_dir = absolute;
    launch_.config_path = absolute + "/server.conf";
    log_path_ = absolute + "/server.log";
    log_ = descriptor{::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!log_)
      return "cannot open " + log_path_ + ": " + std::strerror(errno);
    return {};
  }

  // -- monitor thread -----------------------------------------------------------------------------

  void monitor() {
    std::string error = first_start();
    {
      std::lock_guard lock{mutex_};
      start_error_ = error;
      first_start_done_ = true;
    }
    changed_.notify_all();
    auto wait = 0ms;
    while (error.empty()) {
      const auto born = clock::now();
      if (wait_for_end())
        break;
      reap();
      wait = clock::now() - born > 2s ? 0ms : std::min<std::chrono::milliseconds>(restart_wait_max, wait * 2 + 20ms);
      spdlog::warn("nats: the private server is gone and is started again in {} ms", wait.count());
      if (pause(wait))
        break;
      if (auto failed = fork_server(); !failed.empty())
        spdlog::error("nats: {}", failed);
      else
        spdlog::info("nats: the private server runs again, process {}", pid_.load());
    }
    end_server();
  }

  /// Tries a few ports: between choosing and binding one, somebody else may take it.
  std::string first_start() {
    std::string error;
    for (int round = 0; round < 3; ++round) {
      config_.port = free_port();
      if (config_.port == 0)
        return "no free port on loopback";
      error = write_secret_file(launch_.config_path, config_text(config_));
      if (error.empty())
        error = fork_server();
      if (!error.empty())
        return error;
      if (wait_ready())
        return {};
      end_server();
      error = "nats-server does not start: " + file_tail(log_path_, 600);
    }
    return error;
  }

  bool wait_ready() {
    const auto limit = clock::now() + start_limit;
    while (clock::now() < limit && !stopping()) {
      if (server_greets(config_.port))
        return true;
      pollfd life{life_.get(), POLLIN, 0};
      if (::poll(&life, 1, 2) != 0)
        return false; // it ended
    }
    return false;
  }

  std::string fork_server() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return std::string{"cannot make a pipe: "} + std::strerror(errno);
    life_ = descriptor{ends[0]};
    descriptor child_end{ends[1]};
    launch_.log_fd = log_.get();
    launch_.life_fd = child_end.get();
    launch_.lock_fd = server_lock_.get();
    const auto parent = ::getpid();
    const auto pid = ::fork();
    if (pid < 0)
      return std::string{"cannot fork: "} + std::strerror(errno);
    if (pid == 0)
      become_server(launch_, parent);
    pid_ = pid;
    return {};
  }

  /// Waits until the server ended (false) or we are to stop (true).
  bool wait_for_end() {
    pollfd both[] = {{life_.get(), POLLIN, 0}, {stop_reader_.get(), POLLIN, 0}};
    while (::poll(both, 2, -1) < 0 && errno == EINTR)
      ;
    return stopping();
  }

  bool pause(std::chrono::milliseconds time) {
    pollfd stop{stop_reader_.get(), POLLIN, 0};
    ::poll(&stop, 1, static_cast<int>(time.count()));
    return stopping();
  }

  bool stopping() {
    std::lock_guard lock{mutex_};
    return stop_;
  }

  void reap() {
    if (pid_ > 0)
      ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  void end_server() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    pollfd life{life_.get(), POLLIN, 0};
    if (::poll(&life, 1, static_cast<int>(std::chrono::milliseconds{end_limit}.count())) == 0)
      ::kill(pid_, SIGKILL);
    reap();
  }

  server_config config_;
  launch launch_;
  std::string log_path_;
  descriptor owner_lock_, server_lock_, log_, life_, stop_reader_, stop_writer_;
  std::atomic<int> pid_{0};
  std::thread monitor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false, first_start_done_ = false;
  std::string start_error_;
};

} // namespace

std::unique_ptr<private_server> private_server::start(const std::string& store_dir, std::string& error) {
  auto server = std::make_unique<supervised_server>();
  error = server->begin(store_dir);
  if (!error.empty())
    return nullptr;
  return server;
}

} // namespace sextant
