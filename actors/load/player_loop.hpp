// player_loop.hpp: One load loop: sends what is due, reads what comes, keeps records. Internal to the player.
#pragma once

#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "actors/load/answer_reader.hpp"
#include "actors/load/player.hpp"
#include "actors/load/player_queue.hpp"
#include "actors/load/player_texts.hpp"
#include "adapters/http/client.hpp"

namespace sextant::load {

/// What a loop knows about its own health in one phase.
struct loop_health {
  delay_histogram stamp_lag, send_lag, slot_wait, connect;
  uint64_t events = 0, output_events = 0, user_stamped = 0, coalesced = 0;
  int64_t began_ns = 0, ended_ns = 0;
  int64_t idle_ns = 0; ///< waiting, actively or not
  double busiest_second = 0;
  double cpu_s = 0;
  uint64_t involuntary_switches = 0;
};

/// What one phase is for one loop.
struct phase_work {
  phase_plan* plan = nullptr;
  traffic_phase phase = traffic_phase::profiling;
  queue_limits limits;
  int64_t begin_ns = 0; ///< CLOCK_MONOTONIC
  int64_t grace_ns = 0; ///< after `limits.ends_ns`; below 0: until every answer is there
};

/// Used by one thread at a time; its connections live on from phase to phase.
class load_loop final : private http_observer {
public:
  load_loop(const traffic_schedule& schedule, const std::vector<http_url>& urls, const endpoint_set& endpoints,
            const play_settings& settings, text_store& texts, int64_t origin_ns, int loop, int loops);

  /// Opens connections; an error is not fatal, requests will meet it again.
  void connect_ahead(size_t count);
  /// Plays its part of a phase to the end.
  void run(const phase_work& work);

  std::vector<request_record> take_records() { return std::move(records_); }
  const loop_health& health() const { return health_; }
  http_client_counters counters() const { return client_->counters(); }

private:
  /// A request under way.
  struct open_request {
    answer_reader reader;
    std::string text;
    uint32_t position = 0;
    int64_t cancel_after_ns = -1;
    bool waited = false;
    bool timed = false;
    bool in_use = false;
    bool cancelled_by_plan = false;
  };
  struct planned_cancel {
    int64_t at_ns;
    uint32_t slot;
    uint64_t start; ///< which start of the slot it is about
    bool operator<(const planned_cancel& o) const { return at_ns > o.at_ns; }
  };

  void on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) override;
  void on_end(uint64_t tag, http_outcome outcome) override;
  void on_written(uint64_t tag, int64_t written_ns) override;

  bool turn();
  void send_due();
  void start(const due_request& due);
  void wait_for_more();
  void cancel_due(int64_t now_ns);
  void first_output();
  void note_delays(const open_request& r);
  void keep(open_request& r);
  void end_session_turn(const open_request& r);
  void look_at_the_clock(int64_t now_ns);
  void report();
  int64_t since_begin(int64_t now_ns) const { return now_ns - work_.begin_ns; }

  const traffic_schedule& schedule_;
  const play_settings& settings_;
  const endpoint_set& endpoints_;
  text_store& texts_;
  const int64_t origin_ns_;
  const int loop_, loops_;
  const size_t urls_;
  std::unique_ptr<http_client> client_;

  phase_work work_;
  std::optional<dispatch_queue> queue_;
  std::vector<open_request> open_;
  std::vector<uint64_t> starts_; ///< of each slot of `open_`
  std::vector<uint32_t> free_;
  std::priority_queue<planned_cancel> cancels_;
  std::unordered_map<uint32_t, std::vector<std::string>> answers_; ///< of sessions with more turns to come
  std::vector<request_record> records_;
  loop_health health_;

  // -- since the last report --------------------------------------------------------------------------
  uint64_t sent_ = 0, finished_ = 0, failed_ = 0, events_ = 0, input_ = 0, output_ = 0;
  int64_t waiting_change_ = 0;
  int64_t largest_send_lag_ns_ = 0, largest_stamp_lag_ns_ = 0;
  int64_t second_began_ns_ = 0, second_idle_ns_ = 0;
};

} // namespace sextant::load
