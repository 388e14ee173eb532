// server_files.cpp: Files, locks, ports and tokens of a private server.
#include "adapters/nats/server_files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sextant::private_files {

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

} // namespace

std::string config_text(const server_config& config) {
  std::ostringstream out;
  out << "# Private server of one sextant process; written at every start.\n"
      << "listen: \"127.0.0.1:" << config.port << "\"\n"
      << "authorization { token: " << quoted(config.token) << " }\n"
      << "max_payload: 8388608\n"
      << "max_pending: 268435456\n"
      << "jetstream {\n"
      << "  store_dir: " << quoted(config.store_dir) << "\n"
      << "  max_memory_store: 536870912\n"
      << "  max_file_store: 17179869184\n"
      << "}\n";
  return out.str();
}

std::string write_secret_file(const std::string& path, const std::string& text) {
  const auto temporary = path + ".new";
  ::unlink(temporary.c_str());
  descriptor fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())
      || ::rename(temporary.c_str(), path.c_str()) != 0)
    return "cannot write " + path + ": " + std::strerror(errno);
  return {};
}

descriptor lock_file(const std::string& path, std::string& error) {
  descriptor fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) {
    error = "cannot open " + path + ": " + std::strerror(errno);
    return fd;
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    error = path + " is locked by another process";
    return descriptor{};
  }
  return fd;
}

std::string find_server_binary() {
  if (const char* given = std::getenv("SEXTANT_NATS_SERVER"); given && *given)
    return ::access(given, X_OK) == 0 ? given : "";
  std::string places = "/usr/sbin:/usr/local/sbin:/usr/local/bin";
  if (const char* path = std::getenv("PATH"))
    places = path + (":" + places); // an ordinary user's path has no sbin
  std::istringstream in{places};
  for (std::string folder; std::getline(in, folder, ':');)
    if (const auto file = folder + "/nats-server"; !folder.empty() && ::access(file.c_str(), X_OK) == 0)
      return file;
  return {};
}

bool server_greets(uint16_t port) {
  descriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = loopback(port);
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return false;
  pollfd readable{fd.get(), POLLIN, 0};
  char first[5];
  return ::poll(&readable, 1, 500) == 1 && ::recv(fd.get(), first, sizeof first, MSG_DONTWAIT) == 5
         && std::memcmp(first, "INFO ", 5) == 0;
}

std::string random_token() {
  unsigned char bytes[32];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    return {};
  std::string out;
  for (auto byte : bytes) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", byte);
    out += text;
  }
  return out;
}

} // namespace sextant::private_files
