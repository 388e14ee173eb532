// player.hpp: Plays a traffic schedule at endpoints and hands back one record per request. No actors, no files, no names
// of tools: the command `sextant load` and LOAD build on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "actors/load/self_check.hpp"
#include "actors/load/traffic/schedule.hpp"
#include "messages/records.hpp"

namespace sextant::load {

/// When a connection is used again.
enum class connection_reuse : uint8_t {
  pooled, ///< any idle connection
  never,  ///< a new connection for every request; connecting is then part of every latency
  sticky, ///< all turns of a session over the session's own connection, which nobody else uses meanwhile
};

/// Where requests go. Requests of one session go to one URL, sessions to URLs in turn.
struct endpoint_set {
  std::vector<std::string> urls; ///< `http://` or `https://`, with a path prefix if wanted
  std::string ca_file;           ///< PEM; empty: the system's authorities
  bool verify = true;            ///< certificate and host name of https
  connection_reuse reuse = connection_reuse::pooled;
};

/// The changing part of one HTTP request. Host, content type and length are added.
struct request_content {
  std::string path; ///< below the URL, e.g. `/v1/chat/completions`
  std::string body; ///< JSON; empty: a GET
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Makes the content of one request; `answers` are the texts of the session's turns before. Called from several threads
/// at once, ahead of the time of sending where the turn is the first of its session.
using content_maker =
    std::function<request_content(const planned_request& request, const std::vector<std::string>& answers)>;

/// What may be looked at while it plays, from any thread; counted without locks.
struct play_progress {
  std::atomic<uint64_t> sent{0}, finished{0}, failed{0}; ///< of both phases; failed ones are finished too
  std::atomic<uint64_t> output_events{0}, input_tokens{0}, output_tokens{0};
  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> waiting_for_first{0}; ///< sent, no output yet
  std::atomic<traffic_phase> phase{traffic_phase::warmup};
  std::atomic<int64_t> phase_began_ns{0}; ///< CLOCK_MONOTONIC, 0 before the first
  std::atomic<int64_t> busy_ppm{0};       ///< busiest loop, share of the last second
  std::atomic<int64_t> send_lag_ns{0};    ///< largest of the last second
  std::atomic<int64_t> stamp_lag_ns{0};   ///< largest delay between kernel and user stamp in the last second
};

struct play_settings {
  int threads = 0; ///< load loops; 0: one, or more where the plan needs more and there are cores
  int64_t request_timeout_ns = 600'000'000'000; ///< sending to the last byte
  int64_t connect_timeout_ns = 5'000'000'000;
  int64_t stall_timeout_ns = 0; ///< longest silence in the middle of an answer; 0: none but the time-out
  bool connect_ahead = true;    ///< so that connecting is no part of a latency (not with `never`)
  bool keep_answers = false;    ///< texts of answers are given to later turns
  bool check_lengths = false;   ///< an answer with other than `osl` tokens is a `wrong_length` fault
  bool self_check = true;       ///< the probe at start-up
  bool spin = true;             ///< wait actively for the last 150 us before a timed send
  /// Asked when a phase is ready to begin: the CLOCK_MONOTONIC time at which it shall, 0 for at once. May wait for others
  /// that play the same load. May be empty.
  std::function<int64_t(traffic_phase phase)> begin_at;
  /// Each finished request, in the thread of its loop: be quick. May be empty.
  std::function<void(const request_record& record, traffic_phase phase)> on_record;
  play_progress* progress = nullptr;
  const std::atomic<bool>* cancelled = nullptr;    ///< ends everything now; open requests count as cancelled
  const std::atomic<bool>* stop_sending = nullptr; ///< ends the profiling phase when what is under way has ended
};

/// What came of it. Times in records are ns since `began_ns`.
struct play_result {
  std::string error; ///< why nothing was played: a bad URL, no certificate file, a limit of this machine by its name
  std::vector<request_record> warmup;
  std::vector<request_record> requests; ///< of the profiling phase: every request that was started, in order of index
  int64_t began_ns = 0;                 ///< CLOCK_MONOTONIC
  int64_t began_unix_ns = 0;            ///< the same moment of CLOCK_REALTIME
  int64_t profiling_began_ns = 0;       ///< since `began_ns`: zero of the intended times of the profiling phase
  int64_t profiling_ended_ns = 0;       ///< since `began_ns`: last answer, or the end of the grace period
  uint64_t never_started = 0;           ///< planned for the profiling phase, not sent because it ended
  bool was_cancelled = false;
  load_health health;
};

/// Plays the whole schedule in threads of its own and returns when the last answer is in. Nothing throws; every fault of
/// a request is in its record. One record per started request, never two.
play_result play(const traffic_schedule& schedule, const endpoint_set& endpoints, const content_maker& make,
                 const play_settings& settings);

} // namespace sextant::load
