// server_test.cpp: The HTTP server over raw sockets, with input cut and joined in odd places.
#include "adapters/http/server.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <ctime>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace sextant;

namespace {

int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/// Echoes, streams, waits and dies on request.
class sample_service final : public http_service {
public:
  http_server* server = nullptr;
  std::atomic<int> gone{0};

  void on_request(http_exchange x, http_request& r) override {
    if (r.path == "/stream") {
      server->begin_stream(x, 200, "text/event-stream");
      server->write(x, "data: one\n\n");
      server->write(x, "data: two\n\n");
      server->end(x);
    } else if (r.path == "/endless") {
      server->begin_stream(x, 200, "text/plain");
      server->write(x, "begun");
    } else if (r.path == "/later") {
      later_ = x;
      server->set_timer(now_ns() + 5'000'000);
    } else if (r.path == "/die") {
      server->abort();
    } else {
      server->respond(x, 200, "text/plain", r.method + " " + r.path + " " + r.query + " " + r.body);
    }
  }

  void on_gone(http_exchange) override { ++gone; }

  void on_timer() override {
    server->respond(later_, 200, "text/plain", "later");
    server->respond(later_, 200, "text/plain", "twice"); // over: ignored
  }

private:
  http_exchange later_ = 0;
};

struct running_server {
  sample_service service;
  std::unique_ptr<http_server> server;
  std::thread thread;

  explicit running_server(http_server_settings settings = {}) {
    std::string error;
    settings.common_headers = "x-test: yes\r\n";
    server = make_http_server(service, settings, error);
    REQUIRE(server);
    service.server = server.get();
    thread = std::thread([this] { server->run(); });
  }
  ~running_server() {
    server->stop();
    thread.join();
  }
};

class raw_client {
public:
  explicit raw_client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
  }
  ~raw_client() { close(); }
  void close() {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }
  void send(std::string_view text) const { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  void half_close() const { ::shutdown(fd_, SHUT_WR); }

  /// Reads until the text ends so, or the connection ends, or nothing comes for five seconds.
  std::string until(std::string_view end) {
    std::string text;
    while (text.size() < end.size() || text.compare(text.size() - end.size(), end.size(), end) != 0) {
      pollfd p{fd_, POLLIN, 0};
      char buffer[4096];
      if (::poll(&p, 1, 5000) <= 0)
        return text + "<timeout>";
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0)
        return text + (n == 0 ? "<end>" : "<reset>");
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

  bool connected = false;

private:
  int fd_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const std::string post = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

} // namespace

TEST_CASE("a request is answered and the connection kept") {
  running_server s;
  raw_client c(s.server->port());
  for (int i = 0; i < 3; ++i) {
    c.send(post);
    const auto text = c.until("hello");
    CHECK(has(text, "HTTP/1.1 200 OK\r\n"));
    CHECK(has(text, "x-test: yes\r\n"));
    CHECK(has(text, "content-length: 17\r\n"));
    CHECK(has(text, "\r\n\r\nPOST /a b=c hello"));
  }
}

TEST_CASE("a request may come byte by byte") {
  running_server s;
  raw_client c(s.server->port());
  for (char byte : post)
    c.send({&byte, 1});
  CHECK(has(c.until("hello"), "POST /a b=c hello"));
}

TEST_CASE("requests that come together are answered in order, also behind a slow one") {
  running_server s;
  raw_client c(s.server->port());
  c.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n" + post + "GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /end HTTP/1.1\r\nHo");
  c.send("st: x\r\n\r\n");
  const auto text = c.until("GET /end  ");
  const auto later = text.find("\r\n\r\nlater");
  const auto hello = text.find("hello");
  const auto two = text.find("data: two");
  const auto end = text.find("GET /end");
  CHECK(later < hello);
  CHECK(hello < two);
  CHECK(two < end);
  CHECK(end != std::string::npos);
  CHECK_FALSE(has(text, "twice"));
}

TEST_CASE("a chunked request body is put together") {
  running_server s;
  raw_client c(s.server->port());
  c.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\n");
  c.send("lo\r\n0\r\n\r\n");
  CHECK(has(c.until("hello"), "POST /a  hello"));
}

TEST_CASE("streams are chunked for HTTP/1.1 and end with the connection for HTTP/1.0") {
  running_server s;
  raw_client c(s.server->port());
  c.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(
      has(c.until("0\r\n\r\n"), "transfer-encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n"));
  raw_client old(s.server->port());
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  const auto text = old.until("<never>");
  CHECK(has(text, "\r\n\r\ndata: one\n\ndata: two\n\n<end>"));
  CHECK_FALSE(has(text, "chunked"));
}

TEST_CASE("close is honoured, and a client that sends no more still gets its answer") {
  running_server s;
  raw_client c(s.server->port());
  c.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto text = c.until("<never>");
  CHECK(has(text, "connection: close\r\n"));
  CHECK(has(text, "GET /a  <end>"));
  raw_client half(s.server->port());
  half.send(post + post);
  half.half_close();
  const auto both = half.until("<never>");
  CHECK(both.find("hello") != both.rfind("hello"));
}

TEST_CASE("HEAD gets no body and 100-continue is granted") {
  running_server s;
  raw_client c(s.server->port());
  c.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(has(c.until("\r\n\r\n"), "content-length: 9\r\n"));
  c.send("POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(c.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  c.send("ok");
  CHECK(has(c.until("ok"), "POST /b  ok"));
}

TEST_CASE("what is not HTTP, or too large, is refused and the connection closed") {
  http_server_settings limits;
  limits.max_body_bytes = 100;
  limits.max_header_bytes = 1000;
  running_server s(limits);
  raw_client a(s.server->port());
  a.send("hello there\r\n\r\n");
  CHECK(has(a.until("<never>"), "HTTP/1.1 400 "));
  raw_client b(s.server->port());
  b.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  CHECK(has(b.until("<never>"), "HTTP/1.1 413 "));
  raw_client c(s.server->port());
  c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + std::string(255, 'x'));
  CHECK(has(c.until("<never>"), "HTTP/1.1 413 "));
  raw_client d(s.server->port());
  d.send("GET / HTTP/1.1\r\nx: " + std::string(2000, 'y') + "\r\n\r\n");
  CHECK(has(d.until("<never>"), "HTTP/1.1 431 "));
  raw_client e(s.server->port());
  e.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(has(e.until("<never>"), "HTTP/1.1 400 "));
  raw_client still(s.server->port());
  still.send("GET /fine HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(has(still.until("fine  "), "200 OK"));
}

TEST_CASE("the service hears when a client leaves before its answer ended") {
  running_server s;
  raw_client c(s.server->port());
  c.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(has(c.until("begun\r\n"), "200 OK"));
  c.close();
  raw_client other(s.server->port());
  for (int i = 0; i < 200 && s.service.gone == 0; ++i) { // a later exchange is a turn of the loop after the close was seen
    other.send(post);
    other.until("hello");
  }
  CHECK(s.service.gone == 1);
}

TEST_CASE("an aborted server resets its clients and its port refuses") {
  running_server s;
  raw_client waiting(s.server->port());
  waiting.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting.until("begun\r\n");
  raw_client c(s.server->port());
  c.send("GET /die HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(c.until("<never>") == "<reset>");
  CHECK(waiting.until("<never>") == "<reset>");
  CHECK_FALSE(raw_client(s.server->port()).connected);
}

TEST_CASE("a large answer reaches a client that reads late") {
  running_server s;
  raw_client c(s.server->port());
  const std::string body(8 << 20, 'z');
  c.send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  std::thread sender([&] { c.send(body); });
  std::string text;
  while (!has(text, "<") && text.size() < body.size() + 12)
    text += c.until("z");
  sender.join();
  CHECK_FALSE(has(text, "<"));
  CHECK(text.size() > body.size());
}

TEST_CASE("an address that cannot be bound is an error with its cause") {
  running_server s;
  sample_service service;
  http_server_settings settings;
  settings.port = s.server->port();
  std::string error;
  CHECK_FALSE(make_http_server(service, settings, error));
  CHECK(has(error, "bind"));
  settings.address = "nowhere";
  CHECK_FALSE(make_http_server(service, settings, error));
}
