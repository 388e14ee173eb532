// private_server_test.cpp: The private server starts fast, is started again, and leaves nothing behind.
#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/nats/private_server.hpp"
#include "adapters/nats/server_files.hpp"
#include "test/adapters/nats/scratch_folder.hpp"

using namespace sextant;
using namespace std::chrono_literals;

namespace {

uint16_t port_of(const private_server& server) {
  const auto url = server.url();
  return static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition())
      return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

bool alive(int pid) {
  return ::kill(pid, 0) == 0;
}

} // namespace

TEST_CASE("a private server greets on loopback and ends with its object", "[private_server]") {
  test::scratch_folder folder;
  std::string error;
  auto server = private_server::start(folder.path() + "/store \"of\" mine", error);
  REQUIRE(error.empty());
  REQUIRE(server);
  CHECK(private_files::server_greets(port_of(*server)));
  CHECK(server->token().size() == 64);
  const auto pid = server->pid();
  CHECK(alive(pid));
  server.reset();
  CHECK_FALSE(alive(pid));
}

TEST_CASE("the token is readable by this user alone and not on the command line", "[private_server]") {
  test::scratch_folder folder;
  std::string error;
  auto server = private_server::start(folder.path(), error);
  REQUIRE(server);
  struct stat facts {};
  REQUIRE(::stat((folder.path() + "/server.conf").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  std::ifstream in{"/proc/" + std::to_string(server->pid()) + "/cmdline"};
  const std::string command{std::istreambuf_iterator<char>{in}, {}};
  CHECK(command.find("server.conf") != std::string::npos);
  CHECK(command.find(server->token()) == std::string::npos);
}

TEST_CASE("a second owner of a store is refused until the first is gone", "[private_server]") {
  test::scratch_folder folder;
  std::string error;
  auto first = private_server::start(folder.path(), error);
  REQUIRE(first);
  CHECK_FALSE(private_server::start(folder.path(), error));
  CHECK(error.find("in use") != std::string::npos);
  first.reset();
  auto second = private_server::start(folder.path(), error);
  CHECK(error.empty());
  CHECK(second);
}

TEST_CASE("a killed server is started again on the same port", "[private_server]") {
  test::scratch_folder folder;
  std::string error;
  auto server = private_server::start(folder.path(), error);
  REQUIRE(server);
  const auto pid = server->pid();
  const auto url = server->url();
  REQUIRE(::kill(pid, SIGKILL) == 0);
  CHECK(eventually(
      [&] { return server->pid() > 0 && server->pid() != pid && private_files::server_greets(port_of(*server)); }));
  CHECK(server->url() == url);
}

TEST_CASE("a server does not outlive a killed process, and its store can be taken over", "[private_server]") {
  test::scratch_folder folder;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const auto owner = ::fork();
  if (owner == 0) {
    std::string error;
    auto server = private_server::start(folder.path(), error);
    const int pid = server ? server->pid() : -1;
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid)
      ::_exit(1);
    ::pause();
  }
  int server_pid = -1;
  REQUIRE(::read(ends[0], &server_pid, sizeof server_pid) == sizeof server_pid);
  REQUIRE(server_pid > 0);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  std::string error;
  auto next = private_server::start(folder.path(), error);
  CHECK(error.empty());
  CHECK(next);
  // The orphan is gone or waits for whoever adopts it.
  CHECK(eventually([&] {
    std::ifstream in{"/proc/" + std::to_string(server_pid) + "/status"};
    const std::string status{std::istreambuf_iterator<char>{in}, {}};
    return status.empty() || status.find("State:\tZ") != std::string::npos;
  }));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a store that cannot be made is a clear error", "[private_server]") {
  std::string error;
  CHECK_FALSE(private_server::start("/dev/null/store", error));
  CHECK(error.find("/dev/null/store") != std::string::npos);
}
