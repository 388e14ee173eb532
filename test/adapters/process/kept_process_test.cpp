// kept_process_test.cpp: Whatever a process started is gone with it, with a request, and with its owner.
#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/process/descriptor.hpp"
#include "adapters/process/kept_process.hpp"

using namespace sextant;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct scratch {
  fs::path folder =
      fs::temp_directory_path() / ("kept-process-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  scratch() { fs::create_directories(folder); }
  ~scratch() { fs::remove_all(folder); }
  std::string log() const { return (folder / "log.txt").string(); }
  process_settings script(const std::string& text, double grace_s = 5) const {
    process_settings settings;
    settings.arguments = {"sh", "-c", text};
    settings.directory = folder.string();
    settings.log_path = log();
    settings.grace_s = grace_s;
    return settings;
  }
  static inline int count = 0;
};

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = 5000ms) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    if (condition())
      return true;
    std::this_thread::sleep_for(5ms);
  }
  return condition();
}

/// False for zombies, too: nobody may adopt them here.
bool alive(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::stringstream text;
  text << in.rdbuf();
  const auto name_end = text.str().rfind(')');
  return name_end != std::string::npos && text.str()[name_end + 2] != 'Z';
}

/// Process ids that a script wrote into its log, once there are that many.
std::vector<pid_t> pids_in(const std::string& log, size_t count) {
  std::vector<pid_t> pids;
  eventually([&] {
    pids.clear();
    std::istringstream in{file_tail(log, 4096)};
    for (pid_t pid; in >> pid;)
      pids.push_back(pid);
    return pids.size() >= count;
  });
  return pids;
}

process_end wait_for_end(kept_process& process) {
  pollfd readable{process.end_fd(), POLLIN, 0};
  REQUIRE(::poll(&readable, 1, 10'000) == 1);
  const auto end = process.ended();
  REQUIRE(end);
  return *end;
}

} // namespace

TEST_CASE("exit code, output, environment and directory are the process's own") {
  const scratch s;
  auto settings = s.script("echo \"$COLOUR $PWD\"; exit 3");
  settings.environment = {{"COLOUR", "blue"}};
  std::string error;
  const auto process = kept_process::start(settings, error);
  INFO(error);
  REQUIRE(process);
  const auto end = wait_for_end(*process);
  CHECK(end.code == 3);
  CHECK(end.text() == "exit code 3");
  CHECK(file_tail(s.log(), 1000) == "blue " + s.folder.string() + "\n");
  CHECK(process->ended()->code == 3); // asked again
}

TEST_CASE("a signal is told as one") {
  const scratch s;
  std::string error;
  const auto process = kept_process::start(s.script("kill -9 $$"), error);
  REQUIRE(process);
  const auto end = wait_for_end(*process);
  CHECK(end.signal == SIGKILL);
}

TEST_CASE("what cannot be started is said before anything runs") {
  const scratch s;
  std::string error;
  auto settings = s.script("true");
  settings.arguments = {"no-such-program-anywhere"};
  CHECK(!kept_process::start(settings, error));
  CHECK(error.find("no-such-program-anywhere") != std::string::npos);
  settings = s.script("true");
  settings.directory = "/no/such/directory";
  CHECK(!kept_process::start(settings, error));
  settings = s.script("true");
  settings.log_path = "/no/such/directory/log";
  CHECK(!kept_process::start(settings, error));
  CHECK(!kept_process::start({}, error));
}

TEST_CASE("the end of a process is the end of what it left behind") {
  const scratch s;
  std::string error;
  // A child in the same session, and one that made itself a session and lost its parent.
  const auto process =
      kept_process::start(s.script("sleep 300 & echo $!; setsid sh -c 'sleep 300 & echo $!' ; exit 0", 0.2), error);
  REQUIRE(process);
  const auto pids = pids_in(s.log(), 2);
  REQUIRE(pids.size() == 2);
  CHECK(wait_for_end(*process).code == 0);
  for (const auto pid : pids)
    CHECK(!alive(pid));
}

TEST_CASE("asked to end, everybody ends; by force who does not listen") {
  const scratch s;
  std::string error;
  const auto process = kept_process::start(s.script("trap '' TERM; echo $$; setsid sh -c 'trap \"\" TERM; echo $$; while :; "
                                                    "do sleep 0.1; done' & while :; do sleep 0.1; done",
                                                    0.3),
                                           error);
  REQUIRE(process);
  const auto pids = pids_in(s.log(), 2);
  REQUIRE(pids.size() == 2);
  CHECK(!process->ended());
  const auto before = std::chrono::steady_clock::now();
  process->ask_to_end();
  wait_for_end(*process);
  CHECK(std::chrono::steady_clock::now() - before < 4s);
  for (const auto pid : pids)
    CHECK(!alive(pid));
}

TEST_CASE("a process that listens ends long before its grace is over") {
  const scratch s;
  std::string error;
  auto process = kept_process::start(s.script("exec sleep 300", 30), error);
  REQUIRE(process);
  const auto pid = process->pid();
  CHECK(alive(pid));
  const auto before = std::chrono::steady_clock::now();
  process.reset();
  CHECK(std::chrono::steady_clock::now() - before < 3s);
  CHECK(!alive(pid));
}

TEST_CASE("killing the owner kills everything, other kept processes notwithstanding") {
  const scratch s;
  const auto owner = ::fork();
  if (owner == 0) { // two keepers: none may hold the other's life line
    std::string error;
    auto first = kept_process::start(
        s.script("trap '' TERM; echo $$; setsid sh -c 'echo $$; sleep 300' & sleep 300; sleep 300"), error);
    auto second = kept_process::start(s.script("echo $$; sleep 300"), error);
    ::pause();
    ::_exit(0);
  }
  const auto pids = pids_in(s.log(), 3);
  REQUIRE(pids.size() == 3);
  for (const auto pid : pids)
    CHECK(alive(pid));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  for (const auto pid : pids)
    CHECK(eventually([&] { return !alive(pid); }));
}

TEST_CASE("a killed keeper takes its process along and is told apart") {
  const scratch s;
  std::string error;
  const auto process = kept_process::start(s.script("exec sleep 300"), error);
  REQUIRE(process);
  const auto pid = process->pid();
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto keeper = std::stoi(text.substr(text.rfind(')') + 4));
  ::kill(keeper, SIGKILL);
  CHECK(!wait_for_end(*process).known);
  CHECK(eventually([&] { return !alive(pid); }));
}
