// player_test.cpp: The player against a small scripted server on loopback, on the clock of life: every request is in the
// records once, with the end that the server gave it.
#include "actors/load/player.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "adapters/http/client.hpp"
#include "adapters/http/server.hpp"

using namespace sextant;
using namespace sextant::load;

namespace {

constexpr int64_t ms = 1'000'000;

std::string event(const std::string& choice) {
  return "data: {\"choices\":[{" + choice + "}]}\n\n";
}

/// Streams three tokens 5 ms apart, 10 ms after the request; paths ask for faults.
class scripted_service : public http_service {
public:
  scripted_service() {
    std::string error;
    server_ = make_http_server(*this, {}, error);
    REQUIRE(error.empty());
    thread_ = std::thread{[this] { server_->run(); }};
  }
  ~scripted_service() override {
    server_->stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  int most_open() const { return most_open_; }

private:
  struct step {
    int64_t at_ns;
    http_exchange exchange;
    int number;
  };

  void on_request(http_exchange exchange, http_request& request) override {
    if (request.path == "/500")
      return server_->respond(exchange, 500, "text/plain", "broken");
    if (request.path == "/429")
      return server_->respond(exchange, 429, "application/json", "{}");
    if (request.path == "/stall")
      return; // never
    if (request.path == "/short")
      short_ones_.insert(exchange);
    most_open_ = std::max(most_open_.load(), ++open_);
    server_->begin_stream(exchange, 200, "text/event-stream");
    server_->write(exchange, event("\"delta\":{\"role\":\"assistant\"}"));
    steps_.push_back({monotonic_ns() + 10 * ms, exchange, 0});
    server_->set_timer(steps_.front().at_ns);
  }

  void on_timer() override {
    const int64_t now = monotonic_ns();
    for (size_t n = steps_.size(); n > 0 && steps_.front().at_ns <= now; --n) {
      auto s = steps_.front();
      steps_.pop_front();
      if (s.number < 3) {
        server_->write(s.exchange, event("\"delta\":{\"content\":\"x\"}"));
        s = {now + 5 * ms, s.exchange, s.number + 1};
        steps_.insert(std::upper_bound(steps_.begin(), steps_.end(), s, [](auto& a, auto& b) { return a.at_ns < b.at_ns; }),
                      s);
        continue;
      }
      if (!short_ones_.contains(s.exchange))
        server_->write(s.exchange,
                       "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n");
      server_->end(s.exchange);
      --open_;
    }
    server_->set_timer(steps_.empty() ? 0 : steps_.front().at_ns);
  }

  std::unique_ptr<http_server> server_;
  std::thread thread_;
  std::deque<step> steps_;
  std::set<http_exchange> short_ones_;
  std::atomic<int> most_open_{0};
  int open_ = 0;
};

traffic_schedule plan_of(uint32_t requests, int concurrency) {
  traffic_schedule s;
  s.concurrency = concurrency;
  for (uint32_t i = 0; i < requests; ++i) {
    planned_request r;
    r.index = i;
    r.session = i;
    r.isl = 8;
    r.osl = 3;
    s.requests.push_back(r);
  }
  return s;
}

endpoint_set at(const std::string& url) {
  endpoint_set out;
  out.urls = {url};
  return out;
}

content_maker to_path(std::function<std::string(const planned_request&)> path) {
  return [path](const planned_request& r, const std::vector<std::string>&) {
    return request_content{path(r), "{\"stream\":true}", {}};
  };
}

play_settings quick() {
  play_settings s;
  s.self_check = false;
  return s;
}

} // namespace

TEST_CASE("every request of a plan is played once, with its stamps in order") {
  scripted_service service;
  const auto schedule = plan_of(20, 4);
  const auto got = play(schedule, at(service.url()), to_path([](auto&) { return "/ok"; }), quick());
  CHECK(got.error.empty());
  CHECK(got.never_started == 0);
  REQUIRE(got.requests.size() == 20);
  CHECK(service.most_open() == 4);
  for (uint32_t i = 0; i < 20; ++i) {
    const auto& r = got.requests[i];
    CAPTURE(i, r.error);
    CHECK(r.index == i);
    CHECK(r.fault == request_fault_class::none);
    CHECK(r.planned_isl == 8);
    CHECK(r.planned_osl == 3);
    CHECK(r.input_tokens == 8);
    CHECK(r.usage_tokens == 3);
    REQUIRE(r.token_ns.size() == 3);
    CHECK(r.intended_ns <= r.queued_ns);
    CHECK(r.queued_ns <= r.sent_ns);
    CHECK(r.sent_ns < r.first_event_ns);
    CHECK(r.first_event_ns < r.token_ns[0]); // the role comes first
    CHECK(r.first_answer_ns == r.token_ns[0]);
    CHECK(r.last_event_ns == r.token_ns[2]);
    CHECK(r.token_ns[2] <= r.ended_ns);
    CHECK(r.token_ns[0] - r.sent_ns >= 9 * ms);
    CHECK(r.token_ns[2] - r.token_ns[0] >= 8 * ms);
  }
}

TEST_CASE("each end has its class and nothing is lost") {
  scripted_service service;
  const auto schedule = plan_of(12, 12);
  auto settings = quick();
  settings.request_timeout_ns = 200 * ms;
  const char* paths[] = {"/ok", "/500", "/429", "/stall", "/short", "/ok"};
  const auto got = play(schedule, at(service.url()), to_path([&](const auto& r) { return paths[r.index % 6]; }), settings);
  REQUIRE(got.requests.size() == 12);
  using enum request_fault_class;
  const request_fault_class wanted[] = {none, server_error, rate_limited, timed_out, malformed, none};
  for (uint32_t i = 0; i < 12; ++i) {
    CAPTURE(i, got.requests[i].error);
    CHECK(got.requests[i].fault == wanted[i % 6]);
    CHECK(got.requests[i].error.empty() == (wanted[i % 6] == none));
  }
  CHECK(got.requests[1].status == 500);
}

TEST_CASE("nobody listens: every request is refused, none hangs") {
  const auto got = play(plan_of(5, 2), at("http://127.0.0.1:9"), to_path([](auto&) { return "/"; }), quick());
  REQUIRE(got.requests.size() == 5);
  for (const auto& r : got.requests)
    CHECK(r.fault == request_fault_class::refused);
}

TEST_CASE("requests are broken off by the plan, and by whoever plays it") {
  scripted_service service;
  auto schedule = plan_of(4, 4);
  schedule.requests[1].cancel_after_ns = 2 * ms;
  const auto got = play(schedule, at(service.url()), to_path([](auto&) { return "/ok"; }), quick());
  REQUIRE(got.requests.size() == 4);
  for (uint32_t i = 0; i < 4; ++i)
    CHECK((got.requests[i].fault == request_fault_class::cancelled) == (i == 1));

  std::atomic<bool> cancelled{false};
  auto settings = quick();
  settings.cancelled = &cancelled;
  std::thread breaker{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{60});
    cancelled = true;
  }};
  const auto broken = play(plan_of(50, 2), at(service.url()), to_path([](auto&) { return "/stall"; }), settings);
  breaker.join();
  CHECK(broken.was_cancelled);
  CHECK(broken.requests.size() == 2);
  CHECK(broken.never_started == 48);
}

TEST_CASE("a warm-up has its own limits, its own end, and no part in the results") {
  scripted_service service;
  auto schedule = plan_of(30, 1);
  for (uint32_t i = 0; i < 24; ++i)
    schedule.requests[i].phase = traffic_phase::warmup;
  schedule.warmup_concurrency = 3;
  schedule.warmup_duration_ns = 60 * ms;
  const auto got = play(schedule, at(service.url()), to_path([](auto&) { return "/ok"; }), quick());
  CHECK(got.requests.size() == 6);
  CHECK(got.warmup.size() >= 3);
  CHECK(got.warmup.size() < 24); // 25 ms each, three at a time
  CHECK(service.most_open() == 3);
  for (const auto& r : got.warmup)
    CHECK(r.fault == request_fault_class::none); // those under way may end
}

TEST_CASE("the profiling phase ends after its duration; late answers have the grace period") {
  scripted_service service;
  auto schedule = plan_of(400, 2);
  schedule.duration_ns = 80 * ms;
  schedule.grace_ns = 500 * ms;
  const auto got = play(schedule, at(service.url()), to_path([](auto&) { return "/ok"; }), quick());
  CHECK(got.requests.size() < 20);
  for (const auto& r : got.requests)
    CHECK(r.fault == request_fault_class::none);
  schedule.grace_ns = 0;
  const auto cut = play(schedule, at(service.url()), to_path([](auto&) { return "/stall"; }), quick());
  REQUIRE(cut.requests.size() == 2);
  CHECK(cut.requests[0].fault == request_fault_class::cancelled);
}

TEST_CASE("turns of a session follow each other, with the answers before") {
  scripted_service service;
  auto schedule = plan_of(4, 2);
  for (uint32_t i = 0; i < 4; ++i) {
    schedule.requests[i].session = i / 2;
    schedule.requests[i].turn = i % 2;
    schedule.requests[i].delay_ns = i % 2 ? 10 * ms : 0;
  }
  auto settings = quick();
  settings.keep_answers = true;
  std::atomic<int> with_answer{0};
  const auto got = play(
      schedule, at(service.url()),
      [&](const planned_request& r, const std::vector<std::string>& answers) {
        if (r.turn == 1 && answers == std::vector<std::string>{"xxx"})
          ++with_answer;
        return request_content{"/ok", "{}", {}};
      },
      settings);
  REQUIRE(got.requests.size() == 4);
  CHECK(with_answer == 2);
  for (const uint32_t i : {1U, 3U})
    CHECK(got.requests[i].sent_ns >= got.requests[i - 1].ended_ns + 10 * ms);
}

TEST_CASE("secrets of headers are not in errors; bad addresses are refused before anything is sent") {
  scripted_service service;
  const auto leaking = play(
      plan_of(1, 1), at(service.url()),
      [](const planned_request&, const std::vector<std::string>&) {
        return request_content{"/500", "{}", {{"Authorization", "Bearer broken"}}};
      },
      quick());
  REQUIRE(leaking.requests.size() == 1);
  CHECK(leaking.requests[0].error.find("broken") == std::string::npos);
  CHECK_FALSE(play(plan_of(1, 1), at("nonsense"), to_path([](auto&) { return "/"; }), quick()).error.empty());
  CHECK_FALSE(play(plan_of(1, 1), endpoint_set{}, to_path([](auto&) { return "/"; }), quick()).error.empty());
}
