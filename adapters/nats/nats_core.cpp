// nats_core.cpp: Calls with answers over one inbox, and bringing everything back after a reconnect.
#include "adapters/nats/nats_core.hpp"

#include <algorithm>
#include <charconv>
#include <future>

#include <spdlog/spdlog.h>

#include "adapters/nats/subject_match.hpp"

namespace sextant {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view no_answer = "no answer in time";
constexpr auto api_timeout = 3000ms;

/// A cluster that has just been started, or lost a server, elects who answers within this time.
constexpr auto election_time = 15s;

/// The status code of a message without content, as servers send instead of an answer; 0 for ordinary messages.
int status_of(const bus_message& m) {
  const auto i = m.headers.find("Status");
  int out = 0;
  if (i != m.headers.end() && m.body.empty())
    std::from_chars(i->second.data(), i->second.data() + i->second.size(), out);
  return out;
}

} // namespace

std::string shown_url(const std::string& url) {
  std::string shown;
  for (size_t begin = 0; begin <= url.size();) { // several servers are separated by commas
    const auto end = std::min(url.find(',', begin), url.size());
    const auto one = url.substr(begin, end - begin);
    const auto host = one.find("://") == std::string::npos ? 0 : one.find("://") + 3;
    const auto at = one.rfind('@');
    shown += at == std::string::npos || at < host ? one : one.substr(0, host) + "***" + one.substr(at);
    shown += end < url.size() ? "," : "";
    begin = end + 1;
  }
  return shown;
}

std::string nats_core::start(const nats_settings& settings) {
  std::string error;
  auto link = nats_link::connect(settings, true, events(settings), error);
  if (!link)
    return "cannot connect to " + shown_url(settings.url) + ": " + error;
  std::promise<std::string> checked;
  auto result = checked.get_future();
  // From here on the link belongs to the bus's thread.
  post([this, &link, &checked] {
    link_ = std::move(link);
    max_payload_ = link_->max_payload();
    inbox_ = nats_link::new_inbox();
    auto weak = weak_from_this();
    answers_ = link_->subscribe(inbox_ + ".*", {}, [weak](bus_message m) {
      if (auto self = weak.lock())
        self->post([raw = self.get(), m = std::move(m)]() mutable { raw->on_answer(std::move(m)); });
    });
    const auto until = std::chrono::steady_clock::now() + election_time;
    const auto check = [&checked](std::optional<jetstream::answer> a, const std::string& why) {
      if (!a)
        checked.set_value("no JetStream (" + why + "); start the server with JetStream enabled (nats-server -js)");
      else if (a->error != jetstream::no_error)
        checked.set_value("no JetStream for this account (" + a->text + ")");
      else
        checked.set_value({});
    };
    api_patiently("INFO", "", check, until);
    post_after(1s, [this] { tick(); });
  });
  error = result.get();
  return error.empty() ? error : "the server at " + shown_url(settings.url) + " has " + error;
}

link_events nats_core::events(const nats_settings& settings) {
  link_events out;
  auto weak = weak_from_this();
  auto tell = settings.on_connection;
  out.disconnected = [tell, weak] {
    if (auto self = weak.lock(); !self || self->stopping_)
      return;
    spdlog::warn("nats: connection lost");
    if (tell)
      tell(false, "connection lost");
  };
  out.reconnected = [tell, weak] {
    spdlog::info("nats: connected again");
    if (auto self = weak.lock())
      self->post([raw = self.get()] { raw->on_reconnected(); });
    if (tell)
      tell(true, "connected again");
  };
  out.closed = [tell, weak] {
    if (auto self = weak.lock(); !self || self->stopping_)
      return;
    spdlog::error("nats: the server refuses to take this client back; the connection is closed for good");
    if (tell)
      tell(false, "closed for good");
  };
  out.trouble = [weak](const std::string& what) {
    spdlog::warn("nats: {}", what);
    if (auto self = weak.lock())
      self->post([raw = self.get(), what] { raw->on_trouble(what); });
  };
  return out;
}

void nats_core::stop() {
  stopping_ = true;
  worker_.stop();
  waiting_.clear();
  attended_.clear();
  answers_.reset();
  if (link_)
    link_->flush(500ms);
  link_.reset();
}

bool nats_core::flush(std::chrono::milliseconds timeout) {
  auto done = std::make_shared<std::promise<bool>>();
  auto result = done->get_future();
  post([this, done, timeout] { done->set_value(link_->flush(timeout)); });
  return result.wait_for(timeout) == std::future_status::ready && result.get();
}

// -- calls ------------------------------------------------------------------------------------------

void nats_core::call(const std::string& subject, const std::string& body, std::map<std::string, std::string> headers,
                     std::chrono::milliseconds timeout, answer_handler handler) {
  const auto number = next_call_++;
  waiting_.emplace(number, waiting_call{subject, std::move(handler)});
  if (link_->publish(subject, inbox_ + "." + std::to_string(number), body, headers) == sending::refused)
    return finish(number, std::nullopt, "the message to " + subject + " is larger than the server takes");
  post_after(timeout, [this, number, subject] { finish(number, std::nullopt, std::string{no_answer} + " on " + subject); });
}

void nats_core::on_answer(bus_message message) {
  uint64_t number = 0;
  const auto text = std::string_view{message.subject}.substr(inbox_.size() + 1);
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (status_of(message) == 503)
    finish(number, std::nullopt, std::string{nobody_answers});
  else
    finish(number, std::move(message), {});
}

void nats_core::finish(uint64_t number, std::optional<bus_message> message, std::string error) {
  auto node = waiting_.extract(number);
  if (!node.empty())
    node.mapped().handler(std::move(message), std::move(error));
}

/// A forbidden publish gets no answer: who waits for one is told now.
void nats_core::on_trouble(const std::string& what) {
  const auto subject = jetstream::forbidden_publish(what);
  std::vector<uint64_t> numbers;
  for (const auto& [number, call] : waiting_)
    if (!subject.empty() && call.subject == subject)
      numbers.push_back(number);
  for (const auto number : numbers)
    finish(number, std::nullopt, "this user may not publish to " + subject);
}

void nats_core::api(const std::string& what, const std::string& body, api_handler handler) {
  call("$JS.API." + what, body, {}, api_timeout,
       [handler = std::move(handler)](std::optional<bus_message> m, const std::string& error) {
         m ? handler(jetstream::parse_answer(m->body), {}) : handler(std::nullopt, error);
       });
}

void nats_core::store(const std::string& subject, const std::string& body, std::map<std::string, std::string> headers,
                      api_handler handler) {
  call(subject, body, std::move(headers), api_timeout,
       [handler = std::move(handler)](std::optional<bus_message> m, const std::string& error) {
         m ? handler(jetstream::parse_answer(m->body), {}) : handler(std::nullopt, error);
       });
}

// -- bringing things back ---------------------------------------------------------------------------

void nats_core::ensure(const std::string& stream, const std::string& config, const std::vector<std::string>& patterns,
                       std::function<void(std::string error)> done) {
  auto decide = [this, stream, config, patterns, done](const std::optional<jetstream::answer>& a, const std::string& error) {
    if (a && a->error == jetstream::no_error) {
      if (config.find("\"allow_direct\":true") != std::string::npos && !a->allows_direct)
        return done("the server is older than 2.9, which is the oldest that can be used");
      remembered_[stream] = {config, patterns};
    }
    if (a && a->error == jetstream::storage_exceeded)
      return done(a->text + ": its limit is more than the server's store has left");
    done(a ? a->text : error);
  };
  if (config.empty())
    return find(stream, [this, stream, patterns, done](const std::string& error) {
      if (error.empty())
        remembered_[stream] = {{}, patterns};
      done(error);
    });
  const auto until = std::chrono::steady_clock::now() + election_time;
  api_patiently(
      "STREAM.CREATE." + stream, config,
      [this, stream, config, decide, until](std::optional<jetstream::answer> a, const std::string& error) {
        if (a && a->error == jetstream::stream_name_in_use)
          api_patiently("STREAM.UPDATE." + stream, config, decide, until);
        else
          decide(a, error);
      },
      until);
}

/// The same question again while nobody has been elected to answer it.
void nats_core::api_patiently(const std::string& what, const std::string& body, api_handler handler,
                              std::chrono::steady_clock::time_point until) {
  api(what, body,
      [this, what, body, handler = std::move(handler), until](std::optional<jetstream::answer> a, const std::string& error) {
        const bool unsettled = a ? jetstream::worth_retrying(*a) && !jetstream::says_full(*a) : error.starts_with(no_answer);
        if (!unsettled || std::chrono::steady_clock::now() >= until)
          return handler(std::move(a), error);
        post_after(250ms, [this, what, body, handler, until] { api_patiently(what, body, handler, until); });
      });
}

void nats_core::find(const std::string& stream, std::function<void(std::string error)> done) {
  api("STREAM.INFO." + stream, "",
      [done](const std::optional<jetstream::answer>& a, const std::string& error) { done(a ? a->text : error); });
}

bool nats_core::remembers_subject(const std::string& subject) const {
  for (const auto& [name, stream] : remembered_)
    for (const auto& pattern : stream.patterns)
      if (subject_matches(pattern, subject))
        return true;
  return false;
}

void nats_core::restore(task done) {
  std::vector<std::string> names;
  for (const auto& [name, stream] : remembered_)
    if (!stream.config.empty())
      names.push_back(name);
  auto left = std::make_shared<size_t>(names.size());
  if (*left == 0)
    return done();
  for (const auto& name : names)
    api("STREAM.CREATE." + name, remembered_[name].config,
        [left, done, name](std::optional<jetstream::answer> a, const std::string&) {
          // Somebody may have given it other settings meanwhile: those stay.
          if (a && a->error != jetstream::no_error && a->error != jetstream::stream_name_in_use)
            spdlog::warn("nats: stream {}: {}", name, a->text);
          if (--*left == 0)
            done();
        });
}

void nats_core::on_reconnected() {
  max_payload_ = link_->max_payload();
  restore([this] {
    const auto all = attended_;
    for (const auto& who : all)
      if (who->open)
        who->renew();
  });
}

void nats_core::attend(std::shared_ptr<attended> who) {
  who->renew();
  attended_.push_back(std::move(who));
}

void nats_core::retire(std::unique_ptr<link_subscription> subscription) {
  if (!subscription)
    return;
  subscription->drain();
  post_after(2500ms, [kept = std::shared_ptr<link_subscription>{std::move(subscription)}] {});
}

void nats_core::tick() {
  std::erase_if(attended_, [](const auto& who) { return !who->open; });
  const auto all = attended_;
  if (link_->connected())
    for (const auto& who : all)
      who->check();
  post_after(1s, [this] { tick(); });
}

} // namespace sextant
