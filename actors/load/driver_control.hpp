// driver_control.hpp: The `/simulation` route of a simulated engine: its speed, and how late it is played.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/load/plan.hpp"
#include "adapters/http/client.hpp"

namespace sextant::load {

/// What a simulated engine says about its playing since its speed was set.
struct playing_report {
  double speed = 1;
  double virtual_s = 0; ///< engine seconds
  playing_lag lag;
};

/// Control exchanges over a connection of their own, one at a time. Ends them within 100 ms when cancelled.
class engine_control final : private http_observer {
public:
  engine_control(const http_url& url, const std::atomic<bool>& cancelled);

  /// Asks and waits. Without a report `outcome` says why.
  std::optional<playing_report> ask(std::string_view method, std::string_view body, http_outcome& outcome);
  /// Asks for a report without waiting; does nothing while a question is open.
  void ask_in_passing();
  /// The report asked for in passing, once it is there.
  std::optional<playing_report> take();

private:
  void on_event(uint64_t, const sse_event&, const http_arrival&) override {}
  void on_end(uint64_t, http_outcome outcome) override;
  void start(std::string_view method, std::string_view body);
  void wait();

  const http_url url_;
  const std::atomic<bool>& cancelled_;
  std::string text_;
  bool open_ = false;
  std::optional<http_outcome> outcome_;
  std::unique_ptr<http_client> client_;
};

} // namespace sextant::load
