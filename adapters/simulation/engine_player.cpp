// engine_player.cpp: Steps end at absolute times: a late thread catches up, its lateness is counted and never adds up.
#include "adapters/simulation/engine_player.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "adapters/simulation/prompts.hpp"

namespace sextant {

namespace {

constexpr int catch_up_steps = 64; ///< steps of one turn at most, so that sockets are served in between

int64_t clock_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/// The number behind `"speed":` in a small JSON object; nothing usable gives 0.
double speed_in(const std::string& body) {
  const auto key = body.find("\"speed\"");
  const auto colon = key == std::string::npos ? key : body.find(':', key);
  const double speed = colon == std::string::npos ? 0 : std::strtod(body.c_str() + colon + 1, nullptr);
  return std::isfinite(speed) && speed > 0 && speed <= 1e6 ? speed : 0;
}

} // namespace

engine_player::engine_player(const deploy_engine& what, std::unique_ptr<engine_core> core, double speed)
    : what_(what), core_(std::move(core)), clock_(clock_ns(), speed), reader_(std::make_unique<openai_reader>()),
      created_s_(::time(nullptr)) {
}

engine_player::~engine_player() = default;

// -- routes -------------------------------------------------------------------------------------------

void engine_player::on_request(http_exchange exchange, http_request& request) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  const bool post = request.method == "POST";
  const auto& path = request.path;
  const bool completions = path == "/v1/completions", chat = path == "/v1/chat/completions";
  const std::string_view json = "application/json";
  if (completions || chat) {
    if (post)
      return generate(exchange, request, chat ? openai_endpoint::chat : openai_endpoint::completions);
  } else if (path == "/simulation") {
    if (get || post)
      return control(exchange, request);
  } else if (path == "/simulation/crash") {
    if (post) {
      crashed_ = true;
      return server_->abort();
    }
  } else if (path == "/v1/models" || path == "/health" || path == "/live" || path == "/metrics") {
    if (get && path == "/v1/models")
      return server_->respond(exchange, 200, json, models_page());
    if (get && path == "/health")
      return server_->respond(
          exchange, 200, json,
          R"({"status":"healthy","message":"simulated engine","endpoints":["dyn://dynamo.backend.generate"],"instances":[]})");
    if (get && path == "/live")
      return server_->respond(exchange, 200, json, R"({"status":"live","message":"Service is live"})");
    if (get)
      return server_->respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", metrics_page());
  } else {
    return server_->respond(exchange, 404, json, openai_error(404, "Not found: " + path));
  }
  server_->respond(exchange, 405, json, openai_error(405, request.method + " is not served on " + path));
}

std::string engine_player::models_page() const {
  return "{\"object\":\"list\",\"data\":[{\"id\":" + json_quoted(what_.model.name)
         + ",\"object\":\"model\",\"created\":" + std::to_string(created_s_)
         + ",\"owned_by\":\"nvidia\",\"context_window\":" + std::to_string(core_->settings().max_context) + "}]}";
}

std::string engine_player::metrics_page() const {
  engine_gauges g;
  g.model = what_.model.name;
  g.backend = what_.backend;
  g.attention_ranks = what_.layout.attention_data_parallel();
  g.kv_tokens = core_->kv_tokens();
  g.kv_tokens_used = core_->kv_tokens_used();
  g.running = core_->running();
  g.waiting = core_->waiting();
  g.max_running = core_->settings().max_running;
  g.max_batched_tokens = core_->settings().max_batched_tokens;
  g.max_context = core_->settings().max_context;
  g.speed = clock_.speed();
  return metrics_text(g, metrics_, lag_);
}

std::string engine_player::control_state() const {
  char text[256];
  std::snprintf(
      text, sizeof text,
      "{\"speed\":%.9g,\"lag_p50_s\":%.6g,\"lag_p99_s\":%.6g,\"lag_max_s\":%.6g,\"steps\":%llu,\"virtual_s\":%.9g}",
      clock_.speed(), lag_.quantile(0.5), lag_.quantile(0.99), lag_.most(), static_cast<unsigned long long>(lag_.steps()),
      played_s_);
  return text;
}

/// GET tells speed and lag since the last reset. POST sets the speed of an idle engine, tells the lag up to now, and resets.
void engine_player::control(http_exchange exchange, http_request& request) {
  if (request.method == "POST") {
    const double speed = speed_in(request.body);
    if (speed <= 0)
      return server_->respond(exchange, 400, "application/json", openai_error(400, "`speed` must be a number above 0"));
    if (stepping_ || core_->busy())
      return server_->respond(exchange, 409, "application/json", openai_error(409, "the engine is not idle"));
    clock_.change_speed(clock_ns(), speed);
    server_->respond(exchange, 200, "application/json", control_state());
    lag_.clear();
    played_s_ = 0;
    return;
  }
  server_->respond(exchange, 200, "application/json", control_state());
}

// -- requests -----------------------------------------------------------------------------------------

void engine_player::refuse(http_exchange exchange, const openai_refusal& refusal, openai_endpoint endpoint, bool streamed) {
  ++metrics_.requests.failed[endpoint == openai_endpoint::chat][streamed];
  server_->respond(exchange, refusal.status, "application/json", openai_error(refusal.status, refusal.message));
}

void engine_player::generate(http_exchange exchange, http_request& request, openai_endpoint endpoint) {
  request_ = {};
  if (const auto refusal = reader_->read(request.body, endpoint, what_.model.vocab, request_); refusal.status != 0)
    return refuse(exchange, refusal, endpoint, request_.stream);
  if (request_.model != what_.model.name)
    return refuse(exchange, {404, "Model not found"}, endpoint, request_.stream);
  const double now_s = clock_.at(clock_ns());
  sim_request work;
  work.id = exchange;
  work.prompt_tokens = static_cast<int>(request_.prompt.size());
  work.max_tokens = request_.max_tokens;
  if (core_->settings().prefix_caching)
    work.block_hashes = block_hashes(request_.prompt);
  if (const auto error = core_->submit(std::move(work), now_s); !error.empty())
    return refuse(exchange, {400, error}, endpoint, request_.stream);
  auto& s = streams_[exchange];
  s.answer = openai_answer{endpoint, exchange, what_.model.name, created_s_};
  s.streamed = request_.stream;
  s.include_usage = request_.include_usage;
  s.chat = endpoint == openai_endpoint::chat;
  s.prompt_tokens = static_cast<int>(request_.prompt.size());
  s.arrival_s = now_s;
  ++metrics_.requests.started[s.chat][s.streamed];
  if (s.streamed)
    server_->begin_stream(exchange, 200, "text/event-stream");
  if (!stepping_)
    server_->set_timer(1); // the first step begins with all requests of this turn of the loop
}

void engine_player::on_gone(http_exchange exchange) {
  if (streams_.erase(exchange) == 0)
    return;
  ++metrics_.requests.disconnected;
  core_->cancel(exchange);
}

// -- playing ------------------------------------------------------------------------------------------

void engine_player::begin_step(double at_s) {
  pending_.clear();
  step_end_s_ = core_->step(at_s, pending_);
  played_s_ += step_end_s_ - at_s;
  stepping_ = true;
}

void engine_player::deliver(const sim_token& token) {
  const auto at = streams_.find(token.request);
  if (at == streams_.end())
    return; // its client left during the step
  auto& s = at->second;
  if (token.index == 0) {
    s.first_s = step_end_s_;
    metrics_.ttft.observe(step_end_s_ - s.arrival_s);
    metrics_.input_tokens.observe(s.prompt_tokens);
    metrics_.cached_tokens.observe(token.cached_tokens);
  } else {
    metrics_.itl.observe(step_end_s_ - s.last_s);
  }
  s.last_s = step_end_s_;
  ++metrics_.requests.output_tokens;
  const token_usage usage{s.prompt_tokens, token.index + 1, token.cached_tokens};
  if (s.streamed) {
    scratch_.clear();
    s.answer.token_event(scratch_, token.index);
    if (token.last)
      s.answer.last_events(scratch_, usage, s.include_usage);
    server_->write(token.request, scratch_);
  }
  if (!token.last)
    return;
  if (s.streamed)
    server_->end(token.request);
  else
    server_->respond(token.request, 200, "application/json", s.answer.whole(usage));
  metrics_.output_tokens.observe(token.index + 1);
  metrics_.duration.observe(step_end_s_ - s.arrival_s);
  ++metrics_.requests.succeeded[s.chat][s.streamed];
  streams_.erase(at);
}

void engine_player::end_step() {
  for (const auto& token : pending_)
    deliver(token);
  delivered_ns_.push_back(clock_.wall_of(step_end_s_));
  stepping_ = false;
}

void engine_player::on_timer() {
  if (!stepping_ && core_->busy())
    begin_step(clock_.at(clock_ns()));
  for (int i = 0; i < catch_up_steps && stepping_ && clock_.wall_of(step_end_s_) <= clock_ns(); ++i) {
    end_step();
    if (core_->busy())
      begin_step(step_end_s_);
  }
  if (stepping_)
    server_->set_timer(std::max<int64_t>(1, clock_.wall_of(step_end_s_)));
}

/// Tokens count as late from their deadline until they are in the sockets.
void engine_player::on_flushed() {
  if (delivered_ns_.empty())
    return;
  const int64_t now = clock_ns();
  for (const auto deadline : delivered_ns_)
    lag_.add(static_cast<double>(std::max<int64_t>(0, now - deadline)) * 1e-9);
  delivered_ns_.clear();
}

} // namespace sextant
