#include "adapters/kubernetes/api_client.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace sextant::kubernetes {

namespace {

constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t connect_timeout_ns = 10 * second_ns;
constexpr int64_t call_timeout_ns = 30 * second_ns;
constexpr int64_t watch_timeout_ns = 27 * second_ns; ///< servers end watches before that
constexpr int64_t turn_ns = 20'000'000;
constexpr size_t longest_answer = 64 * 1024 * 1024;

/// A mirror and the request that is under way for it.
struct followed {
  object_mirror* mirror = nullptr;
  uint64_t tag = 0; ///< 0 = none is under way
  bool watch = false;
  int64_t not_before_ns = 0;
  bool planned = false; ///< `not_before_ns` was taken from the mirror
  uint64_t generation = 0;
};

class looping_client final : public api_client, http_observer {
public:
  looping_client(std::shared_ptr<cluster_link> link, std::function<bool()> cancelled, http_url url)
      : link_(std::move(link)), cancelled_(std::move(cancelled)), url_(std::move(url)), random_(std::random_device{}()) {}
  ~looping_client() override {
    followed_.clear();
    if (client_)
      client_->cancel_all();
  }

  api_answer call(const api_call& what) override;
  void follow(object_mirror& mirror) override { followed_.push_back({&mirror}); }
  void unfollow(object_mirror& mirror) override;
  void turn(double wait_s) override;

  /// Error text, or nothing when everything is usable.
  std::string settings_error() const { return url_.tls ? tls_settings_error(settings_for({})) : std::string{}; }

private:
  void on_event(uint64_t, const sse_event&, const http_arrival&) override {}
  bool on_body(uint64_t tag, std::string_view part) override;
  void on_end(uint64_t tag, http_outcome outcome) override;

  http_client_settings settings_for(const identity& who) const;
  void connect(const identity& who);
  uint64_t start(const std::string& method, const std::string& path, const std::string& body, std::string& error,
                 uint64_t& generation);
  void start_mirrors();
  http_outcome exchange(const api_call& what, uint64_t& generation);
  void poll_once(int64_t wait_ns);
  double random() { return std::uniform_real_distribution<>(0, 1)(random_); }

  std::shared_ptr<cluster_link> link_;
  std::function<bool()> cancelled_;
  http_url url_;
  std::minstd_rand random_;
  std::unique_ptr<http_client> client_;
  identity connected_as_;
  bool stale_ = false; ///< the address may have changed: resolve it again
  uint64_t tags_ = 0;
  std::map<uint64_t, std::string> texts_; ///< of requests under way
  std::map<uint64_t, http_outcome> ends_; ///< of calls
  std::vector<followed> followed_;
  bool changed_ = false; ///< a mirror took something
};

http_client_settings looping_client::settings_for(const identity& who) const {
  const auto& access = link_->who.access();
  http_client_settings s;
  s.connect_timeout_ns = connect_timeout_ns;
  s.request_timeout_ns = std::max(watch_timeout_ns, call_timeout_ns);
  s.kept_body_bytes = longest_answer;
  s.ca_pem = access.ca_pem;
  s.verify = access.verify;
  s.server_name = access.tls_server_name;
  s.certificate_pem = who.certificate_pem.empty() ? access.certificate_pem : who.certificate_pem;
  s.key_pem = who.key_pem.empty() ? access.key_pem : who.key_pem;
  return s;
}

/// A connection for this identity: a new one when the client certificate changed, or the address may have.
void looping_client::connect(const identity& who) {
  const bool other = who.certificate_pem != connected_as_.certificate_pem || who.key_pem != connected_as_.key_pem;
  if (client_ && (other || (stale_ && client_->active() == 0))) {
    client_->cancel_all();
    client_.reset();
  }
  if (!client_) {
    client_ = make_http_client(url_, *this, settings_for(who));
    stale_ = false;
  }
  connected_as_ = who;
}

/// Sends a request and returns its tag; 0 and an error text without credentials.
uint64_t looping_client::start(const std::string& method, const std::string& path, const std::string& body,
                               std::string& error, uint64_t& generation) {
  const auto who = link_->who.current(error);
  if (!who)
    return 0;
  generation = who->generation;
  connect(*who);
  std::vector<std::pair<std::string, std::string>> headers{{"Accept", "application/json"}, {"User-Agent", "sextant"}};
  if (!who->token.empty())
    headers.emplace_back("Authorization", "Bearer " + who->token);
  if (method == "PATCH")
    headers.emplace_back("Content-Type", "application/merge-patch+json");
  const auto tag = ++tags_;
  auto& text = texts_[tag] = http_request_text(url_, method, path, body, headers);
  ++link_->calls;
  client_->start(tag, text);
  return tag;
}

bool looping_client::on_body(uint64_t tag, std::string_view part) {
  for (auto& f : followed_)
    if (f.tag == tag && f.watch) {
      f.mirror->feed(part);
      changed_ = true;
      return true;
    }
  return false;
}

void looping_client::on_end(uint64_t tag, http_outcome outcome) {
  texts_.erase(tag);
  link_->bytes_in += outcome.bytes_received;
  link_->bytes_out += outcome.bytes_sent;
  stale_ = stale_ || outcome.end == http_end::refused;
  for (auto& f : followed_)
    if (f.tag == tag) {
      if (outcome.status == 401)
        link_->who.refused(f.generation);
      f.tag = 0;
      f.planned = false;
      f.mirror->ended(outcome);
      changed_ = true;
      return;
    }
  ends_.emplace(tag, std::move(outcome));
}

void looping_client::unfollow(object_mirror& mirror) {
  for (const auto& f : followed_)
    if (f.mirror == &mirror && f.tag != 0)
      client_->cancel(f.tag);
  std::erase_if(followed_, [&](const followed& f) { return f.mirror == &mirror; });
}

void looping_client::start_mirrors() {
  const auto now = monotonic_ns();
  for (auto& f : followed_) {
    if (f.tag != 0 || f.mirror->error())
      continue;
    const auto request = f.mirror->next(random());
    if (!f.planned) {
      f.not_before_ns = now + static_cast<int64_t>(request.pause_s * 1e9);
      f.planned = true;
    }
    if (now < f.not_before_ns)
      continue;
    f.watch = request.watch;
    std::string error;
    if (request.pause_s > 0)
      ++link_->repeated;
    f.tag = start("GET", request.path, {}, error, f.generation);
    if (f.tag == 0) { // no credentials now
      http_outcome none;
      none.end = http_end::refused;
      none.detail = error;
      f.planned = false;
      f.mirror->ended(none);
    }
  }
}

void looping_client::poll_once(int64_t wait_ns) {
  start_mirrors();
  if (client_ && client_->active() > 0) {
    client_->poll(wait_ns);
    return;
  }
  const timespec t{0, std::min<int64_t>(wait_ns, turn_ns)};
  nanosleep(&t, nullptr);
}

void looping_client::turn(double wait_s) {
  const auto until = monotonic_ns() + static_cast<int64_t>(wait_s * 1e9);
  changed_ = false;
  do {
    poll_once(turn_ns);
    std::erase_if(ends_, [](const auto&) { return true; }); // of watches that nobody follows any more
  } while (!changed_ && monotonic_ns() < until && !cancelled_());
}

http_outcome looping_client::exchange(const api_call& what, uint64_t& generation) {
  http_outcome none;
  none.end = http_end::refused;
  const auto tag = start(what.method, what.path, what.body, none.detail, generation);
  if (tag == 0)
    return none;
  const auto until = monotonic_ns() + call_timeout_ns;
  while (ends_.count(tag) == 0) {
    if (monotonic_ns() > until || cancelled_())
      client_->cancel(tag);
    poll_once(turn_ns);
  }
  auto outcome = std::move(ends_.at(tag));
  ends_.erase(tag);
  return outcome;
}

api_answer looping_client::call(const api_call& what) {
  api_answer answer;
  bool renewed = false;
  const auto until = monotonic_ns() + static_cast<int64_t>(what.patience_s * 1e9);
  for (;;) {
    ++answer.attempts;
    uint64_t generation = 0;
    auto outcome = exchange(what, generation);
    answer.ok = succeeded(outcome);
    if (answer.ok) {
      answer.body = std::move(outcome.body);
      return answer;
    }
    answer.error = error_of(outcome);
    answer.problem = error_text(answer.error, what.asked);
    if (answer.error.status == 401 && !renewed) {
      renewed = true;
      link_->who.refused(generation);
      continue;
    }
    const auto pause = pause_before_retry(answer.error, answer.attempts, random());
    const auto next = monotonic_ns() + static_cast<int64_t>(pause.value_or(0) * 1e9);
    if (!pause || next > until || cancelled_())
      return answer;
    while (monotonic_ns() < next && !cancelled_())
      poll_once(std::min(turn_ns, next - monotonic_ns()));
    ++link_->repeated;
  }
}

} // namespace

std::unique_ptr<api_client> make_api_client(std::shared_ptr<cluster_link> link, std::function<bool()> cancelled,
                                            std::string& error) {
  auto url = parse_http_url(link->who.access().server, error);
  if (!url)
    return nullptr;
  auto client = std::make_unique<looping_client>(std::move(link), std::move(cancelled), *url);
  error = client->settings_error();
  return error.empty() ? std::move(client) : nullptr;
}

} // namespace sextant::kubernetes
