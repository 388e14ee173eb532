// player_texts.hpp: Texts of requests, made ahead of their time by a thread of their own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/load/player.hpp"
#include "adapters/http/client.hpp"

namespace sextant::load {

/// Makes the texts of first turns in the order of the schedule, at most `ahead_bytes` ahead of what was taken, and others
/// when they are asked for. `take` may be called from any thread.
class text_store {
public:
  text_store(const traffic_schedule& schedule, const std::vector<http_url>& urls, const content_maker& make, bool close);
  ~text_store();
  text_store(const text_store&) = delete;
  text_store& operator=(const text_store&) = delete;

  /// The text of a request; `answers` are those of its session's turns before.
  std::string take(uint32_t position, const std::vector<std::string>& answers);
  /// Waits until the first texts are there, so that the start is not late.
  void wait_for_first(size_t count);
  /// Which of the URLs a request goes to.
  uint32_t url_of(uint32_t position) const;
  /// Texts that had to be made when they were due.
  uint64_t late() const { return late_; }
  /// Replaces what must not be seen: the values of headers that authorise.
  void hide_secrets(std::string& text) const;

private:
  static constexpr size_t ahead_bytes = 64 * 1024 * 1024;
  enum : uint8_t { untouched, in_work, ready, taken };

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
  std::atomic<size_t> made_{0}; ///< positions that the thread is done with
  std::atomic<uint64_t> late_{0};
  std::atomic<bool> ends_{false};
  mutable std::mutex guard_;
  std::condition_variable room_, progress_;
  std::vector<std::string> secrets_;
  std::thread thread_;
};

} // namespace sextant::load
