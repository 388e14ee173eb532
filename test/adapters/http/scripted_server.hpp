// scripted_server.hpp: A tiny HTTP server for tests: one thread, answers by a script, can do everything wrong.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sextant::testing {

/// What to do with one request: bytes to send, then perhaps the connection's end.
struct scripted_answer {
  std::string bytes;
  bool close = false; ///< end the connection after the bytes
  bool reset = false; ///< end it with RST
  /// Sent right behind the bytes by a call of its own: what Nagle's algorithm may hold back.
  std::string later = {};
};

/// Answers each complete request by `script(request line and headers, body, number of the request)`.
class scripted_server {
public:
  using script = std::function<scripted_answer(const std::string& head, const std::string& body, int number)>;

  explicit scripted_server(script answer, int family = AF_INET) : answer_(std::move(answer)) {
    listener_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (family == AF_INET) {
      auto* a = reinterpret_cast<sockaddr_in*>(&storage);
      a->sin_family = AF_INET;
      a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof *a;
    } else {
      auto* a = reinterpret_cast<sockaddr_in6*>(&storage);
      a->sin6_family = AF_INET6;
      a->sin6_addr = in6addr_loopback;
      size = sizeof *a;
    }
    usable_ =
        listener_ >= 0 && bind(listener_, reinterpret_cast<sockaddr*>(&storage), size) == 0 && listen(listener_, 256) == 0;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&storage), &size);
    port_ = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                                    : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
    thread_ = std::thread{[this] { serve(); }};
  }

  ~scripted_server() {
    stop_ = true;
    thread_.join();
    for (const auto& [fd, text] : connections_)
      close(fd);
    close(listener_);
  }

  bool usable() const { return usable_; }
  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int requests() const { return requests_; }
  int accepted() const { return accepted_; }

  /// A 200 answer of type event stream in chunks, one per event text.
  static std::string stream(const std::vector<std::string>& events, bool end = true) {
    std::string out = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    for (const auto& e : events)
      out += chunk("data: " + e + "\n\n");
    return end ? out + "0\r\n\r\n" : out;
  }

  static std::string chunk(const std::string& text) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
  }

  static std::string plain(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

private:
  void serve() {
    while (!stop_) {
      std::vector<pollfd> fds{{listener_, POLLIN, 0}};
      for (const auto& [fd, text] : connections_)
        fds.push_back({fd, POLLIN, 0});
      if (::poll(fds.data(), fds.size(), 5) <= 0)
        continue;
      if (fds[0].revents)
        accept_one();
      for (size_t i = 1; i < fds.size(); ++i)
        if (fds[i].revents)
          read_from(fds[i].fd);
    }
  }

  void accept_one() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      ++accepted_;
      connections_[fd];
    }
  }

  void read_from(int fd) {
    char buffer[65536];
    const auto n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0)
      return drop(fd);
    auto& text = connections_[fd];
    text.append(buffer, static_cast<size_t>(n));
    for (;;) {
      const auto head_end = text.find("\r\n\r\n");
      if (head_end == std::string::npos)
        return;
      const auto head = text.substr(0, head_end);
      const auto at = head.find("Content-Length: ");
      const size_t length = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
      if (text.size() < head_end + 4 + length)
        return;
      const auto body = text.substr(head_end + 4, length);
      text.erase(0, head_end + 4 + length);
      const auto answer = answer_(head, body, requests_++);
      send_all(fd, answer.bytes);
      send_all(fd, answer.later);
      if (answer.reset) {
        const linger hard{1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      }
      if (answer.close || answer.reset)
        return drop(fd);
    }
  }

  static void send_all(int fd, const std::string& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      const auto m = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (m <= 0)
        break;
      sent += static_cast<size_t>(m);
    }
  }

  void drop(int fd) {
    connections_.erase(fd);
    close(fd);
  }

  script answer_;
  int listener_ = -1;
  bool usable_ = false;
  uint16_t port_ = 0;
  std::map<int, std::string> connections_;
  std::atomic<int> requests_{0};
  std::atomic<int> accepted_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

} // namespace sextant::testing
