// driver_control.cpp: Questions to a simulated engine, and its answers read.
#include "actors/load/driver_control.hpp"

#include <nlohmann/json.hpp>

namespace sextant::load {

namespace {

constexpr int64_t timeout_ns = 5'000'000'000;
constexpr int64_t cancel_check_ns = 20'000'000;

std::optional<playing_report> read_report(const http_outcome& outcome) {
  const auto json = nlohmann::json::parse(outcome.body, nullptr, false);
  if (outcome.end != http_end::complete || outcome.status != 200 || !json.is_object())
    return std::nullopt;
  const auto number = [&](const char* name) {
    const auto i = json.find(name);
    return i != json.end() && i->is_number() ? i->get<double>() : 0.0;
  };
  return playing_report{number("speed"),
                        number("virtual_s"),
                        {number("lag_p50_s"), number("lag_p99_s"), number("lag_max_s"), number("steps")}};
}

} // namespace

engine_control::engine_control(const http_url& url, const std::atomic<bool>& cancelled) : url_(url), cancelled_(cancelled) {
  http_client_settings settings;
  settings.connect_timeout_ns = settings.request_timeout_ns = timeout_ns;
  client_ = make_http_client(url_, *this, settings);
}

void engine_control::on_end(uint64_t, http_outcome outcome) {
  open_ = false;
  outcome_ = std::move(outcome);
}

void engine_control::start(std::string_view method, std::string_view body) {
  outcome_.reset();
  text_ = http_request_text(url_, method, "/simulation", body);
  open_ = true;
  client_->start(0, text_);
}

void engine_control::wait() {
  while (open_) {
    if (cancelled_)
      client_->cancel_all();
    else
      client_->poll(cancel_check_ns);
  }
}

std::optional<playing_report> engine_control::ask(std::string_view method, std::string_view body, http_outcome& outcome) {
  wait(); // for a question in passing
  start(method, body);
  wait();
  outcome = std::move(*outcome_);
  outcome_.reset();
  return read_report(outcome);
}

void engine_control::ask_in_passing() {
  if (!open_)
    start("GET", {});
}

std::optional<playing_report> engine_control::take() {
  if (open_)
    client_->poll(0);
  if (open_ || !outcome_)
    return std::nullopt;
  const auto report = read_report(*outcome_);
  outcome_.reset();
  return report;
}

} // namespace sextant::load
