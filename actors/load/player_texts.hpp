// player_texts.hpp: Texts of requests, made ahead of their time: by a thread of their own where there is a core for it, and
// by the load loops while they wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/load/player.hpp"
#include "adapters/http/client.hpp"

namespace sextant::load {

/// Makes the texts of first turns in the order of the schedule, at most `ahead_bytes` ahead of what was taken, and others
/// when they are asked for. Every call may come from any thread; none waits for a thread that has no core.
class text_store {
public:
  /// With `spare_core` a thread makes texts all the time; it gives way to everything else once the traffic plays.
  text_store(const traffic_schedule& schedule, const std::vector<http_url>& urls, const content_maker& make, bool close,
             bool spare_core);
  ~text_store();
  text_store(const text_store&) = delete;
  text_store& operator=(const text_store&) = delete;

  /// The text of a request; `answers` are those of its session's turns before.
  std::string take(uint32_t position, const std::vector<std::string>& answers);
  /// Makes the first texts, so that the start is not late; returns when they are there.
  void make_first(size_t count);
  /// Makes the next text that is wanted ahead, if that should take no longer than half of `spare_ns`. Returns whether it
  /// did.
  bool make_ahead(int64_t spare_ns);
  /// Which of the URLs a request goes to.
  uint32_t url_of(uint32_t position) const;
  /// Texts that had to be made when they were due.
  uint64_t late() const { return late_; }
  /// Replaces what must not be seen: the values of headers that authorise.
  void hide_secrets(std::string& text) const;

private:
  static constexpr size_t ahead_bytes = 64 * 1024 * 1024;
  enum : uint8_t { untouched, in_work, storing, ready, taken };

  bool make_next();
  std::string make_text(uint32_t position, const std::vector<std::string>& answers);
  void keep_secrets(const request_content& content);
  void work();

  const traffic_schedule& schedule_;
  const std::vector<http_url>& urls_;
  const content_maker& make_;
  const bool close_;
  std::vector<std::string> texts_;
  std::unique_ptr<std::atomic<uint8_t>[]> states_;
  std::atomic<size_t> waiting_bytes_{0};
  std::atomic<size_t> next_{0};     ///< position that is looked at next
  std::atomic<size_t> made_{0};     ///< positions that nothing is left to do for ahead
  std::atomic<int64_t> cost_ns_{0}; ///< of making a text: the latest ones, dear ones count longer
  std::atomic<bool> playing_{false};
  std::atomic<uint64_t> late_{0};
  std::atomic<bool> ends_{false};
  mutable std::mutex guard_;
  std::condition_variable room_;
  std::vector<std::string> secrets_;
  std::thread thread_; ///< not with one core only
};

} // namespace sextant::load
