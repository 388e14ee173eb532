// client_epoll.hpp: The epoll loop of the HTTP client: connections, exchanges, time-outs. Internal to the client.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sys/epoll.h>

#include "adapters/http/client_clock.hpp"
#include "adapters/http/client_link.hpp"

namespace sextant::http {

class epoll_client final : public http_client {
public:
  epoll_client(const std::vector<http_url>& urls, http_observer& observer, const http_client_settings& settings);
  ~epoll_client() override;

  std::string connect_ahead(size_t count, uint32_t target) override;
  void start(uint64_t tag, std::string_view text, const http_start_options& options) override;
  void poll(int64_t wait_ns, int64_t until_ns) override;
  void cancel(uint64_t tag) override;
  void cancel_all() override;
  void release(uint64_t sticky) override;
  size_t active() const override { return active_; }
  void set_request_timeout(int64_t ns) override { settings_.request_timeout_ns = ns; }
  http_client_counters counters() const override;
  uint64_t handled() const override { return handled_; }
  int64_t waited_ns() const override { return counters_.waited_ns; }

private:
  // -- connections: client_connect.cpp ----------------------------------------------------------------
  link* open_link(uint32_t target, size_t address_index, std::string& error, bool& limit);
  void connected(link& l);
  void shake_hands(link& l);
  void ready_for_use(link& l);
  void close_link(link& l);
  void watch(link& l, bool wants_write);
  void bury();
  void launch(exchange e, size_t address_index);

  // -- exchanges: client_exchange.cpp -----------------------------------------------------------------
  void assign(link& l, exchange e);
  void begin_writing(link& l);
  void write_some(link& l);
  bool read_some(link& l);
  void take_read(link& l, std::string_view bytes, int64_t stamp_ns);
  void ended_by_peer(link& l);
  void take_bytes(link& l, const char* data, size_t n);
  void take_send_stamps(link& l);
  void broken(link& l, http_end end, const std::string& detail);
  void finish(link& l);
  void end(exchange e, http_end how, const std::string& detail);

  // -- loop: client.cpp -------------------------------------------------------------------------------
  void wait(int64_t wait_ns);
  void handle(link& l, uint32_t events);
  void tell_ends();
  void look_for_timeouts();
  void check_time(link& l, int64_t now_ns);
  http_arrival arrival_of(int64_t stamp_ns, int64_t earliest_ns);

  http_observer& observer_;
  http_client_settings settings_;
  int epoll_;
  int stamping_; ///< a socket that wants stamps, so that the kernel makes them before the first connection needs one
  std::vector<char> buffer_;
  std::string clear_; ///< what TLS made of a read
  std::shared_ptr<tls_context> tls_;
  std::string tls_error_;
  std::string connect_error_; ///< of the last connection without an exchange that broke
  std::vector<link_target> targets_;
  std::vector<std::unique_ptr<link>> links_;
  std::vector<link*> dead_;
  std::unordered_map<uint64_t, link*> by_tag_;
  std::unordered_map<uint64_t, link*> sticky_;
  std::deque<exchange> ended_;
  size_t active_ = 0;
  clock_offset clock_;
  uint64_t reads_ = 0;
  uint64_t handled_ = 0;
  int64_t last_seen_ns_ = 0;
  std::array<epoll_event, 256> ready_;
  size_t ready_count_ = 0, ready_at_ = 0;
  int64_t turn_began_ns_ = 0;
  int64_t scanned_ns_ = 0;
  size_t scan_at_ = 0;
  http_client_counters counters_;
};

} // namespace sextant::http
