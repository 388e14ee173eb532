// player_texts.cpp: Requests as they go over the wire, ahead of time.
#include "actors/load/player_texts.hpp"

#include <algorithm>
#include <cctype>

#include <sched.h>

namespace sextant::load {

namespace {

using namespace std::chrono_literals;

constexpr size_t shortest_secret = 4; ///< shorter values would blank out ordinary words

bool authorises(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto* part : {"auth", "key", "token", "cookie", "secret"})
    if (name.find(part) != std::string::npos)
      return true;
  return false;
}

} // namespace

text_store::text_store(const traffic_schedule& schedule, const std::vector<http_url>& urls, const content_maker& make,
                       bool close, bool spare_core)
    : schedule_(schedule), urls_(urls), make_(make), close_(close), texts_(schedule.requests.size()),
      states_(new std::atomic<uint8_t>[schedule.requests.size()]) {
  for (size_t i = 0; i < schedule.requests.size(); ++i)
    states_[i] = untouched;
  if (spare_core)
    thread_ = std::thread{[this] { work(); }};
}

text_store::~text_store() {
  {
    const std::lock_guard lock(guard_);
    ends_ = true;
  }
  room_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

uint32_t text_store::url_of(uint32_t position) const {
  return schedule_.requests[position].session % static_cast<uint32_t>(urls_.size());
}

void text_store::keep_secrets(const request_content& content) {
  for (const auto& [name, value] : content.headers) {
    if (!authorises(name))
      continue;
    const auto bare = value.substr(value.rfind(' ') + 1); // `Bearer` and the like are no secret
    if (bare.size() < shortest_secret)
      continue;
    const std::lock_guard lock(guard_);
    if (std::find(secrets_.begin(), secrets_.end(), bare) == secrets_.end())
      secrets_.push_back(bare);
  }
}

void text_store::hide_secrets(std::string& text) const {
  const std::lock_guard lock(guard_);
  for (const auto& secret : secrets_)
    for (size_t at; (at = text.find(secret)) != std::string::npos;)
      text.replace(at, secret.size(), "***");
}

std::string text_store::make_text(uint32_t position, const std::vector<std::string>& answers) {
  auto content = make_(schedule_.requests[position], answers);
  keep_secrets(content);
  if (close_)
    content.headers.emplace_back("Connection", "close");
  return http_request_text(urls_[url_of(position)], content.body.empty() ? "GET" : "POST", content.path, content.body,
                           content.headers);
}

/// Takes the next position and makes its text if it is one of a first turn. False: none is left.
bool text_store::make_next() {
  static const std::vector<std::string> no_answers;
  const size_t i = next_.fetch_add(1, std::memory_order_relaxed);
  if (i >= schedule_.requests.size())
    return false;
  uint8_t expected = untouched;
  if (schedule_.requests[i].turn == 0 && states_[i].compare_exchange_strong(expected, in_work)) {
    const int64_t before = monotonic_ns();
    auto text = make_text(static_cast<uint32_t>(i), no_answers);
    const int64_t cost = monotonic_ns() - before;
    cost_ns_.store(std::max(cost, cost_ns_ - cost_ns_ / 8), std::memory_order_relaxed);
    expected = in_work;
    if (states_[i].compare_exchange_strong(expected, storing)) { // else it was due meanwhile, and made by who needed it
      waiting_bytes_ += text.size();
      texts_[i] = std::move(text);
      states_[i].store(ready, std::memory_order_release);
    }
  }
  ++made_;
  return true;
}

void text_store::work() {
  bool gives_way = false;
  while (!ends_ && make_next()) {
    if (playing_ && !gives_way) {
      const sched_param lowest{};
      gives_way = sched_setscheduler(0, SCHED_IDLE, &lowest) == 0; // of this thread
    }
    if (waiting_bytes_ > ahead_bytes) {
      std::unique_lock lock(guard_);
      while (waiting_bytes_ > ahead_bytes / 2
             && !ends_) // a wake-up that is missed costs 1 ms, a lock per text would cost more
        room_.wait_for(lock, 1ms);
    }
  }
}

void text_store::make_first(size_t count) {
  count = std::min(count, schedule_.requests.size());
  while (made_ < count && waiting_bytes_ <= ahead_bytes / 2)
    if (!make_next())
      std::this_thread::yield(); // the last ones are being made
  playing_ = true;
}

bool text_store::make_ahead(int64_t spare_ns) {
  if (next_.load(std::memory_order_relaxed) >= schedule_.requests.size() || waiting_bytes_ > ahead_bytes)
    return false;
  if (2 * cost_ns_ < spare_ns)
    return make_next();
  cost_ns_ -= cost_ns_ / 64; // what was interrupted once is not dear for ever
  return false;
}

std::string text_store::take(uint32_t position, const std::vector<std::string>& answers) {
  if (schedule_.requests[position].turn > 0)
    return make_text(position, answers);
  // One that is in work is made once more: whoever is at it may have no core now.
  for (uint8_t state : {untouched, in_work})
    if (states_[position].compare_exchange_strong(state, taken)) {
      ++late_;
      return make_text(position, answers);
    }
  while (states_[position].load(std::memory_order_acquire) == storing)
    std::this_thread::yield();
  auto text = std::move(texts_[position]);
  waiting_bytes_ -= text.size();
  return text;
}

} // namespace sextant::load
