// server_loop.hpp: The epoll loop of the HTTP server. Internal to the server.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/client_clock.hpp"
#include "adapters/http/connection.hpp"
#include "adapters/http/server.hpp"

namespace sextant::http {

/// A mark and an exchange have the slot of their connection in these bits: a million connections. The rest is a serial
/// number.
inline constexpr unsigned slot_bits = 20;

class epoll_server final : public http_server {
public:
  epoll_server(http_service& service, const http_server_settings& settings) : service_(service), settings_(settings) {}
  ~epoll_server() override = default;

  bool open(std::string& error);

  uint16_t port() const override { return port_; }
  void respond(http_exchange exchange, int status, std::string_view content_type, std::string_view body,
               std::string_view headers) override;
  void begin_stream(http_exchange exchange, int status, std::string_view content_type) override;
  void write(http_exchange exchange, std::string_view part) override;
  void write_now(http_exchange exchange, std::string_view part, bool last) override;
  size_t unsent(http_exchange exchange) override;
  void end(http_exchange exchange) override;
  void write_raw(http_exchange exchange, std::string_view bytes) override;
  void break_off(http_exchange exchange, bool reset) override;
  void set_timer(int64_t deadline_ns) override;
  void run() override;
  void stop() override;
  void abort() override;
  http_server_counts counts() const override { return counts_; }

private:
  // -- finding, input, turns: server.cpp --------------------------------------------------------------
  server_connection* find(http_exchange exchange);
  server_connection* by_mark(uint64_t mark);
  void watch(int fd, uint64_t mark, uint32_t events, int operation);
  void accept_all();
  void receive(server_connection& c);
  void consume(server_connection& c, std::string_view bytes);
  int64_t stamp_of(int64_t real_ns);
  void list(server_connection& c);
  void end_turn();
  void drop(server_connection& c);

  // -- output: server_answers.cpp ---------------------------------------------------------------------
  void refuse(server_connection& c, int status);
  void finish(server_connection& c);
  bool send_some(server_connection& c);
  void flush(server_connection& c);

  http_service& service_;
  http_server_settings settings_;
  socket_handle epoll_, listener_, timer_, wake_;
  uint16_t port_ = 0;
  std::vector<std::unique_ptr<server_connection>> slots_;
  std::vector<size_t> free_slots_;
  std::vector<uint64_t> listed_;
  uint64_t next_serial_ = 1;
  bool accepting_ = true;
  std::atomic<bool> stopping_{false};
  bool aborted_ = false;
  http_server_counts counts_;
  int64_t received_ns_ = 0; ///< of the bytes that are being read
  clock_offset clock_;
  std::array<char, 256 * 1024> input_;
};

} // namespace sextant::http
