// driver_http.cpp: Traffic over HTTP, at real engines and at simulated ones that are played against the wall clock.
#include <algorithm>
#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "actors/load/answer_reader.hpp"
#include "actors/load/driver_control.hpp"
#include "actors/load/driver_traffic.hpp"
#include "actors/load/pace.hpp"
#include "adapters/http/client.hpp"

namespace sextant::load {

namespace {

constexpr int64_t cancel_check_ns = 20'000'000;
constexpr int64_t lag_check_ns = 250'000'000; ///< between looks at the lag of a wave under way
constexpr int64_t busy_pause_ns = 10'000'000; ///< between attempts to set the speed of an engine that is still busy
constexpr int busy_attempts = 100;
constexpr int halvings_at_most = 2;            ///< of the speed, in one attempt
constexpr int64_t short_wave_ns = 500'000'000; ///< one hiccup of the machine is enough to make it late: worth another try
constexpr int tries_of_short_waves = 3;        ///< at one speed

class http_traffic final : public engine_traffic, private http_observer {
public:
  http_traffic(const measure_point& work, const http_url& url, const traffic_limits& limits,
               const std::atomic<bool>& cancelled)
      : work_(work), url_(url), limits_(limits), cancelled_(cancelled), pace_(limits.pace ? *limits.pace : process_pace()),
        control_(url, cancelled) {
    http_client_settings settings;
    settings.cancelled = &cancelled;
    if (limits.connect_timeout_ns > 0)
      settings.connect_timeout_ns = limits.connect_timeout_ns;
    client_ = make_http_client(url, *this, settings);
  }

  std::optional<failure> play(const std::vector<traffic_request>& requests, int concurrency, pass what,
                              std::vector<request_record>& records) override;
  wave_verdict judge_wave(double measured_ms) override;

  int64_t began_unix_ns() const override { return began_unix_ns_; }
  int64_t engine_ns() const override { return engine_ns_; }
  int64_t traffic_ns() const override { return traffic_ns_; }
  double speed() const override { return plays_ ? measured_speed_ : 1; }
  std::string clock() const override { return plays_ && measured_speed_ != 1 ? "scaled" : "live"; }

private:
  void on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) override;
  void on_end(uint64_t tag, http_outcome outcome) override;

  std::vector<std::string> make_texts(const std::vector<traffic_request>& requests);
  double wanted_speed() const;
  bool may_slow_down() const { return work_.simulation_speed <= 0 && halvings_ < halvings_at_most; }
  void slow_down();
  std::optional<failure> set_speed(double wanted, double& got);
  std::optional<failure> run_pass(double speed, int64_t begin_ns, bool measured);
  bool clearly_late(double speed, int64_t& next_look_ns);
  void start_next();
  void close_pass(double speed, int64_t begin_ns, bool measured, std::vector<request_record>& records);
  void close_aborted_pass(double speed, int64_t begin_ns);

  const measure_point work_;
  const http_url url_;
  const traffic_limits limits_;
  const std::atomic<bool>& cancelled_;
  playing_pace& pace_;
  engine_control control_;
  std::unique_ptr<http_client> client_;
  std::map<uint64_t, std::string> prompts_; ///< texts of prompts that are sent again and again

  // -- the pass under way -----------------------------------------------------------------------------
  std::vector<std::string> texts_;
  std::vector<answer_reader> open_;
  size_t started_ = 0;
  size_t failed_ = 0;
  size_t finished_ = 0;
  size_t in_flight_ = 1; ///< wanted
  bool aborted_ = false; ///< clearly too late

  // -- clocks -----------------------------------------------------------------------------------------
  double measured_speed_ = 1; ///< of the last measured pass
  double speed_limit_ = 0;    ///< after a late wave; 0 = none
  int halvings_ = 0;
  int late_tries_ = 0;       ///< at this speed
  int64_t last_pass_ns_ = 0; ///< wall
  bool plays_ = false;       ///< the engine has a speed that can be set
  int64_t engine_ns_ = 0;
  int64_t traffic_ns_ = 0;
  int64_t began_unix_ns_ = 0;
};

// -- one pass -----------------------------------------------------------------------------------------

std::vector<std::string> http_traffic::make_texts(const std::vector<traffic_request>& requests) {
  const bool again = work_.plan.warm_prompts && work_.plan.kind == point_kind::itl;
  std::vector<std::string> out;
  out.reserve(requests.size());
  for (const auto& r : requests) {
    if (cancelled_)
      break;
    std::string fresh;
    auto& ids = again ? prompts_[r.prompt] : fresh;
    if (ids.empty())
      ids = prompt_json(work_.plan.prompt_seed, r.prompt, r.isl);
    out.push_back(http_request_text(url_, "POST", "/v1/completions", completion_body(work_.served_model, ids, r.osl),
                                    {{"Accept", "text/event-stream"}}));
  }
  return out;
}

std::optional<failure> http_traffic::play(const std::vector<traffic_request>& requests, int concurrency, pass what,
                                          std::vector<request_record>& records) {
  const bool measured = what == pass::measured;
  const playing_pace::turn turn(pace_);
  double speed = 1;
  if (auto error = set_speed(measured ? wanted_speed() : warming_speed(work_), speed))
    return error;
  if (measured)
    measured_speed_ = speed;
  texts_ = make_texts(requests);
  open_.assign(requests.size(), {});
  for (size_t i = 0; i < requests.size(); ++i)
    open_[i].record.index = requests[i].index;
  started_ = failed_ = finished_ = 0;
  aborted_ = false;
  in_flight_ = static_cast<size_t>(std::max(1, concurrency));
  client_->set_request_timeout(limits_.request_timeout_ns > 0 ? limits_.request_timeout_ns
                                                              : request_timeout_ns(work_, speed));
  if (auto error = client_->connect_ahead(std::min(in_flight_, requests.size())); !error.empty())
    return cancelled_ ? cancelled_failure()
                      : failure{failure_class::transient, failure_cause::engine_gone, work_.endpoint + ": " + error, {}};

  const int64_t begin_ns = monotonic_ns();
  began_unix_ns_ = unix_ns();
  if (auto error = run_pass(speed, begin_ns, measured))
    return error;
  if (aborted_) {
    close_aborted_pass(speed, begin_ns);
    return std::nullopt;
  }
  std::vector<request_fault_class> faults;
  std::string first_error;
  for (const auto& r : open_) {
    faults.push_back(r.record.fault);
    if (first_error.empty())
      first_error = r.record.error;
  }
  close_pass(speed, begin_ns, measured, records);
  return judge(faults, first_error);
}

/// Sends everything and waits for all of it; ends early when that is of no use any more.
std::optional<failure> http_traffic::run_pass(double speed, int64_t begin_ns, bool measured) {
  const bool watched = plays_ && measured && may_slow_down();
  int64_t next_look_ns = begin_ns + lag_check_ns;
  for (size_t i = 0; i < in_flight_; ++i)
    start_next();
  while (client_->active() > 0 && !cancelled_ && !aborted_) {
    client_->poll(cancel_check_ns);
    aborted_ = watched && client_->active() > 0 && clearly_late(speed, next_look_ns);
  }
  client_->cancel_all();
  return cancelled_ ? std::optional{cancelled_failure()} : std::nullopt;
}

bool http_traffic::clearly_late(double speed, int64_t& next_look_ns) {
  if (const auto report = control_.take())
    return clearly_too_late(work_, report->lag, speed);
  if (const int64_t now = monotonic_ns(); now >= next_look_ns) {
    next_look_ns = now + lag_check_ns;
    control_.ask_in_passing();
  }
  return false;
}

void http_traffic::start_next() {
  // An engine that fails every request is not asked for all the rest.
  const bool hopeless = failed_ > 0 && failed_ == finished_ && failed_ >= in_flight_;
  if (started_ == open_.size() || cancelled_ || aborted_)
    return;
  if (hopeless) {
    open_.resize(started_);
    return;
  }
  const auto i = started_++;
  open_[i].record.intended_ns = open_[i].record.queued_ns = monotonic_ns();
  client_->start(i, texts_[i]);
}

/// Turns wall times into engine times and hands the records over.
void http_traffic::close_pass(double speed, int64_t begin_ns, bool measured, std::vector<request_record>& records) {
  int64_t last_ns = begin_ns;
  const auto to_engine = [&](int64_t wall_ns) {
    return engine_ns_ + std::llround(static_cast<double>(wall_ns - begin_ns) * speed);
  };
  for (auto& r : open_) {
    if (!r.record.token_ns.empty())
      last_ns = std::max(last_ns, r.record.token_ns.back());
    for (auto* t : {&r.record.intended_ns, &r.record.queued_ns, &r.record.sent_ns, &r.record.tx_ns, &r.record.first_byte_ns,
                    &r.record.ended_ns})
      if (*t != 0)
        *t = to_engine(*t);
    for (auto& t : r.record.token_ns)
      t = to_engine(t);
    records.push_back(std::move(r.record));
  }
  last_pass_ns_ = last_ns - begin_ns;
  traffic_ns_ += last_pass_ns_;
  const int64_t scaled_ns = to_engine(last_ns) - engine_ns_;
  // Warming is played faster than the machine can: there the engine itself knows how much of its time passed.
  http_outcome outcome;
  if (const auto report = plays_ && !measured ? control_.ask("GET", {}, outcome) : std::nullopt;
      report && report->virtual_s > 0)
    engine_ns_ += std::min<int64_t>(scaled_ns, std::llround(report->virtual_s * 1e9));
  else
    engine_ns_ += scaled_ns;
}

/// A wave that does not count has still cost time.
void http_traffic::close_aborted_pass(double speed, int64_t begin_ns) {
  last_pass_ns_ = monotonic_ns() - begin_ns;
  traffic_ns_ += last_pass_ns_;
  engine_ns_ += std::llround(static_cast<double>(last_pass_ns_) * speed);
}

// -- events -------------------------------------------------------------------------------------------

void http_traffic::on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) {
  open_[tag].take(event, arrival, false);
}

void http_traffic::on_end(uint64_t tag, http_outcome outcome) {
  auto& r = open_[tag];
  r.finish(outcome, false, 0);
  ++finished_;
  failed_ += r.record.fault != request_fault_class::none;
  start_next();
}

// -- playing ------------------------------------------------------------------------------------------

double http_traffic::wanted_speed() const {
  const double speed = playing_speed(work_, pace_.share());
  return speed_limit_ > 0 ? std::min(speed, speed_limit_) : speed;
}

void http_traffic::slow_down() {
  ++halvings_;
  late_tries_ = 0;
  pace_.note_wave(false);
  speed_limit_ = measured_speed_ / 2;
}

/// Sets the speed of a simulated engine, which also forgets its lag so far. Engines without that route run at speed 1.
std::optional<failure> http_traffic::set_speed(double wanted, double& got) {
  got = 1;
  if (!work_.simulated)
    return std::nullopt;
  const auto body = nlohmann::json{{"speed", wanted}}.dump();
  http_outcome outcome;
  for (int attempt = 0; attempt < busy_attempts; ++attempt) {
    if (const auto report = control_.ask("POST", body, outcome)) {
      plays_ = true;
      got = report->speed > 0 ? report->speed : wanted;
      return std::nullopt;
    }
    if (cancelled_)
      return cancelled_failure();
    if (outcome.end != http_end::complete)
      return failure{failure_class::transient, failure_cause::engine_gone, work_.endpoint + ": " + outcome.detail, {}};
    if (outcome.status == 404 || outcome.status == 405)
      return std::nullopt;
    client_->poll(busy_pause_ns);
  }
  return failure{failure_class::transient,
                 failure_cause::request_failed,
                 "the simulated engine does not take its speed: HTTP " + std::to_string(outcome.status),
                 {}};
}

wave_verdict http_traffic::judge_wave(double measured_ms) {
  http_outcome outcome;
  const auto report = plays_ && !aborted_ ? control_.ask("GET", {}, outcome) : std::nullopt;
  const bool late = aborted_ || (report && played_too_late(work_, report->lag, measured_ms, measured_speed_));
  if (!late) {
    if (plays_ && work_.simulation_speed <= 0)
      pace_.note_wave(true);
    return wave_verdict::good;
  }
  if (!may_slow_down())
    return wave_verdict::too_late;
  if (aborted_ || last_pass_ns_ > short_wave_ns || ++late_tries_ >= tries_of_short_waves)
    slow_down();
  return wave_verdict::again;
}

} // namespace

std::unique_ptr<engine_traffic> make_http_traffic(const measure_point& work, const traffic_limits& limits,
                                                  const std::atomic<bool>& cancelled, failure& error) {
  std::string why;
  const auto url = parse_http_url(work.endpoint, why);
  if (!url) {
    error = {failure_class::permanent, failure_cause::unsupported, why, {}};
    return nullptr;
  }
  return std::make_unique<http_traffic>(work, *url, limits, cancelled);
}

} // namespace sextant::load
