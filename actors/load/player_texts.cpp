// player_texts.cpp: Requests as they go over the wire, ahead of time.
#include "actors/load/player_texts.hpp"

#include <algorithm>
#include <cctype>

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
                       bool close)
    : schedule_(schedule), urls_(urls), make_(make), close_(close), texts_(schedule.requests.size()),
      states_(new std::atomic<uint8_t>[schedule.requests.size()]) {
  for (size_t i = 0; i < schedule.requests.size(); ++i)
    states_[i] = untouched;
  thread_ = std::thread{[this] { work(); }};
}

text_store::~text_store() {
  {
    const std::lock_guard lock(guard_);
    ends_ = true;
  }
  room_.notify_all();
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

void text_store::work() {
  static const std::vector<std::string> no_answers;
  for (uint32_t i = 0; i < schedule_.requests.size() && !ends_; ++i) {
    uint8_t expected = untouched;
    if (schedule_.requests[i].turn == 0 && states_[i].compare_exchange_strong(expected, in_work)) {
      texts_[i] = make_text(i, no_answers);
      waiting_bytes_ += texts_[i].size();
      states_[i].store(ready, std::memory_order_release);
    }
    made_ = i + 1;
    if (waiting_bytes_ > ahead_bytes) {
      std::unique_lock lock(guard_);
      progress_.notify_all();
      while (waiting_bytes_ > ahead_bytes / 2
             && !ends_) // a wake-up that is missed costs 1 ms, a lock per text would cost more
        room_.wait_for(lock, 1ms);
    }
  }
  made_ = schedule_.requests.size();
  progress_.notify_all();
}

void text_store::wait_for_first(size_t count) {
  count = std::min(count, schedule_.requests.size());
  std::unique_lock lock(guard_);
  while (made_ < count && waiting_bytes_ <= ahead_bytes / 2)
    progress_.wait_for(lock, 100us);
}

std::string text_store::take(uint32_t position, const std::vector<std::string>& answers) {
  if (schedule_.requests[position].turn > 0)
    return make_text(position, answers);
  uint8_t state = untouched;
  if (states_[position].compare_exchange_strong(state, taken)) {
    ++late_;
    return make_text(position, answers);
  }
  while (states_[position].load(std::memory_order_acquire) == in_work)
    std::this_thread::yield();
  auto text = std::move(texts_[position]);
  waiting_bytes_ -= text.size();
  return text;
}

} // namespace sextant::load
