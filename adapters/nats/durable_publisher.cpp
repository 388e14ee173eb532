// durable_publisher.cpp: Sends, counts acknowledgements, and sends again.
#include "adapters/nats/durable_publisher.hpp"

#include <charconv>

#include <spdlog/spdlog.h>

namespace sextant {

using namespace std::chrono_literals;

namespace {

constexpr size_t window_messages = 1024; ///< sent and not acknowledged
constexpr size_t window_bytes = 16 * 1024 * 1024;
constexpr auto answer_limit = 5s; ///< an answer later than this: the connection is given up
constexpr auto reconnect_wait = 100ms;

} // namespace

durable_publisher::durable_publisher(std::shared_ptr<nats_core> core, nats_settings settings)
    : core_(std::move(core)), settings_(std::move(settings)), inbox_(nats_link::new_inbox()) {
  thread_ = std::thread{[this] { run(); }};
}

durable_publisher::~durable_publisher() {
  stop();
}

void durable_publisher::publish(std::string subject, std::string body, std::map<std::string, std::string> headers,
                                bus::done_handler done, when_full rule) {
  {
    std::lock_guard lock{mutex_};
    if (!stopping_) {
      item x;
      x.number = next_number_++;
      x.subject = std::move(subject);
      x.body = std::move(body);
      x.headers = std::move(headers);
      x.done = std::move(done);
      x.rule = rule;
      queue_.push_back(std::move(x));
    }
  }
  changed_.notify_all();
}

bool durable_publisher::drain(std::chrono::milliseconds timeout) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, timeout, [this] { return queue_.empty(); });
}

void durable_publisher::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

// -- own thread -------------------------------------------------------------------------------------

void durable_publisher::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (link_lost_) {
      lock.unlock();
      const bool opened = open_link();
      lock.lock();
      if (!opened) {
        changed_.wait_for(lock, reconnect_wait, [this] { return stopping_; });
        continue;
      }
      link_lost_ = false;
      send_all_again();
    }
    const auto now = clock::now();
    if (now >= pause_until_)
      send_some(lock);
    if (sent_ > 0 && !queue_.front().settled && clock::now() - queue_.front().sent_at > answer_limit) {
      spdlog::warn("nats: no acknowledgement for {} s, connecting anew", answer_limit.count());
      link_lost_ = true;
    }
    if (link_lost_ || stopping_)
      continue;
    const auto wake = now < pause_until_ ? pause_until_ : clock::now() + (sent_ > 0 ? 1000ms : 60000ms);
    changed_.wait_until(lock, wake, [this] {
      const bool room = sent_ < queue_.size() && sent_ < window_messages && sent_bytes_ < window_bytes;
      return stopping_ || link_lost_ || (room && clock::now() >= pause_until_);
    });
  }
  auto left = std::move(queue_);
  queue_.clear();
  lock.unlock();
  answers_.reset();
  link_.reset();
  for (auto& x : left)
    if (x.done && !x.settled)
      core_->post([done = std::move(x.done)] { done("the bus was closed before the server had the message"); });
}

bool durable_publisher::open_link() {
  answers_.reset();
  link_.reset();
  link_events events;
  events.closed = [this] {
    std::lock_guard lock{mutex_};
    link_lost_ = true;
    changed_.notify_all();
  };
  events.trouble = [this](const std::string& what) {
    spdlog::warn("nats: publishing: {}", what);
    if (const auto subject = jetstream::forbidden_publish(what); !subject.empty())
      settle_forbidden(subject);
  };
  std::string error;
  link_ = nats_link::connect(settings_, false, std::move(events), error);
  if (link_)
    answers_ = link_->subscribe(inbox_ + ".*", {}, [this](const bus_message& m) { on_answer(m); });
  return answers_ != nullptr;
}

void durable_publisher::send_all_again() {
  sent_ = 0;
  sent_bytes_ = 0;
}

/// Sends what the window allows. Sending happens without the lock, so that acknowledgements come in meanwhile; they take
/// messages off the front of the queue, so the place is found again by number.
void durable_publisher::send_some(std::unique_lock<std::mutex>& lock) {
  while (!stopping_ && !link_lost_ && sent_ < queue_.size() && sent_ < window_messages && sent_bytes_ < window_bytes
         && clock::now() >= pause_until_) {
    auto& next = queue_[sent_];
    ++sent_;
    if (next.settled)
      continue;
    sent_bytes_ += next.body.size();
    next.sent_at = clock::now();
    const auto number = next.number;
    // Copies: an acknowledgement of an earlier sending may remove the message while it is sent again.
    const auto subject = next.subject, body = next.body;
    const auto headers = next.headers;
    lock.unlock();
    const auto result = link_->publish(subject, inbox_ + "." + std::to_string(number), body, headers);
    lock.lock();
    if (result == sending::refused) {
      lock.unlock();
      settle(number, "the message to " + subject + " is larger than the server takes");
      lock.lock();
    } else if (result == sending::disconnected) {
      link_lost_ = true;
    }
  }
}

// -- answers ----------------------------------------------------------------------------------------

void durable_publisher::on_answer(const bus_message& message) {
  uint64_t number = 0;
  const auto text = std::string_view{message.subject}.substr(inbox_.size() + 1);
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (message.body.empty()) { // no one took it: a server that is not ready, or no stream for the subject
    std::string subject;
    {
      std::lock_guard lock{mutex_};
      if (clock::now() < pause_until_ || queue_.empty() || number < queue_.front().number || number > queue_.back().number)
        return;
      subject = queue_[number - queue_.front().number].subject;
      pause_until_ = clock::now() + 3s; // until it is known what is wrong
    }
    return ask_about(number, subject);
  }
  if (message.body.find("\"error\"") == std::string::npos)
    return settle(number, {});
  const auto answer = jetstream::parse_answer(message.body);
  if (jetstream::says_full(answer) && refuses_when_full(number))
    settle(number, answer.text);
  else if (jetstream::worth_retrying(answer)) {
    spdlog::warn("nats: publishing: {}", answer.text);
    again_after(200ms);
  } else {
    settle(number, answer.text);
  }
}

bool durable_publisher::refuses_when_full(uint64_t number) {
  std::lock_guard lock{mutex_};
  return !queue_.empty() && number >= queue_.front().number && number <= queue_.back().number
         && queue_[number - queue_.front().number].rule == when_full::refuse;
}

/// The server stores nothing on this subject for this user, and sends no acknowledgement either.
void durable_publisher::settle_forbidden(const std::string& subject) {
  std::vector<uint64_t> numbers;
  {
    std::lock_guard lock{mutex_};
    for (size_t i = 0; i < sent_; ++i)
      if (queue_[i].subject == subject)
        numbers.push_back(queue_[i].number);
  }
  for (const auto number : numbers)
    settle(number, "this user may not publish to " + subject);
}

void durable_publisher::settle(uint64_t number, const std::string& error) {
  bus::done_handler done;
  {
    std::lock_guard lock{mutex_};
    if (queue_.empty() || number < queue_.front().number || number > queue_.back().number)
      return;
    auto& x = queue_[number - queue_.front().number];
    if (x.settled)
      return;
    x.settled = true;
    done = std::move(x.done);
    while (!queue_.empty() && queue_.front().settled) {
      if (sent_ > 0) {
        --sent_;
        sent_bytes_ -= std::min(sent_bytes_, queue_.front().body.size());
      }
      queue_.pop_front();
    }
  }
  changed_.notify_all();
  if (done)
    core_->post([done = std::move(done), error] { done(error); });
}

/// Finds out whether any stream takes the subject; refuses the message if not, else sends again.
void durable_publisher::ask_about(uint64_t number, const std::string& subject) {
  core_->post([this, number, subject] {
    if (core_->remembers_subject(subject))
      return core_->restore([this] { again_after(100ms); });
    core_->api("STREAM.NAMES", "{\"subject\":\"" + subject + "\"}",
               [this, number, subject](std::optional<jetstream::answer> a, const std::string&) {
                 if (a && a->error == jetstream::no_error && a->total == 0) {
                   settle(number, "no stream takes " + subject);
                   again_after(0ms);
                 } else {
                   again_after(200ms);
                 }
               });
  });
}

void durable_publisher::again_after(std::chrono::milliseconds wait) {
  {
    std::lock_guard lock{mutex_};
    pause_until_ = clock::now() + wait;
    send_all_again();
  }
  changed_.notify_all();
}

} // namespace sextant
