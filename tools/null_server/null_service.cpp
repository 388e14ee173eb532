// null_service.cpp: Routes, pacing, events, faults.
#include "tools/null_server/null_service.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "adapters/http/client.hpp"

namespace sextant::null_server {

namespace {

constexpr std::string_view json_type = "application/json", events_type = "text/event-stream";
constexpr size_t piece_bytes = 7;
constexpr int64_t blocked_wait_ns = 50'000; ///< until sockets that took nothing are asked again

int64_t realtime_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

void append_member(std::string& out, std::string_view name, int64_t value) {
  char text[24];
  out.append(name).append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string models_page(const std::string& model) {
  return "{\"object\":\"list\",\"data\":[{\"id\":" + json_quoted(model)
         + ",\"object\":\"model\",\"created\":0,\"owned_by\":\"null_server\"}]}";
}

} // namespace

null_service::null_service(const server_settings& settings, answer_log& log, int64_t origin_ns)
    : settings_(settings), log_(log), origin_ns_(origin_ns), step_at_ns_(origin_ns) {
}

// -- requests -----------------------------------------------------------------------------------------

void null_service::on_request(http_exchange exchange, http_request& request) {
  const auto& path = request.path;
  if (path == "/v1/completions")
    return generate(exchange, request, openai_endpoint::completions);
  if (path == "/v1/chat/completions")
    return generate(exchange, request, openai_endpoint::chat);
  if (path == "/v1/models")
    return server_->respond(exchange, 200, json_type, models_page(settings_.model));
  if (path == "/health" || path == "/live")
    return server_->respond(exchange, 200, json_type, R"({"status":"healthy","message":"null server: no model"})");
  if (path == "/metrics")
    return server_->respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", log_.metrics_page(settings_.model));
  server_->respond(exchange, 404, json_type, openai_error(404, "Not found: " + path));
}

void null_service::generate(http_exchange exchange, http_request& request, openai_endpoint endpoint) {
  const bool chat = endpoint == openai_endpoint::chat;
  request_ = {};
  const auto refusal = reader_.read(request.body, endpoint, 0, request_);
  if (refusal.status != 0) {
    log_.refused(chat, request_.stream);
    return server_->respond(exchange, refusal.status, json_type, openai_error(refusal.status, refusal.message));
  }
  auto& a = answers_[exchange];
  auto& r = a.record;
  r.number = log_.begin(chat, request_.stream);
  r.request_id = request.header("x-request-id");
  r.fault = fault_of(settings_, r.number);
  r.chat = chat;
  r.streamed = request_.stream;
  r.prompt_tokens = static_cast<int>(request_.prompt.size());
  r.asked_tokens = request_.max_tokens;
  r.received_ns = request.received_ns;
  if (refuse_as_planned(exchange, r.fault))
    return over(exchange, "fault");
  a.text = {endpoint, r.number, request_.model, realtime_ns() / 1'000'000'000};
  a.shape = shape_of(request_.max_tokens, settings_.tokens_per_event, r.fault);
  a.include_usage = request_.include_usage;
  r.sent_ns.reserve(static_cast<size_t>(std::min(a.shape.events, 4096)));
  r.scheduled_ns.reserve(r.sent_ns.capacity());
  begin(exchange, a);
}

/// Faults that leave nothing to stream.
bool null_service::refuse_as_planned(http_exchange exchange, fault_kind fault) {
  const auto respond = [&](int status, std::string_view message, const std::string& headers = {}) {
    server_->respond(exchange, status, json_type, openai_error(status, message), headers);
    return true;
  };
  switch (fault) {
    case fault_kind::hang_up:
      server_->break_off(exchange, false);
      return true;
    case fault_kind::bad_request:
      return respond(400, "refused on purpose");
    case fault_kind::server_error:
      return respond(500, "failed on purpose");
    case fault_kind::rate_limited:
      return respond(429, "too many requests, on purpose",
                     "retry-after: " + std::to_string(settings_.retry_after_s) + "\r\n");
    default:
      return false;
  }
}

// -- pacing -------------------------------------------------------------------------------------------

void null_service::begin(http_exchange exchange, answer& a) {
  auto& r = a.record;
  if (settings_.pattern == event_pattern::unpaced && r.fault != fault_kind::slow) {
    a.ready_ns = r.received_ns;
    if (!r.streamed)
      return respond_whole(exchange, a, a.ready_ns);
    server_->begin_stream(exchange, 200, events_type);
    stepping_.push_back(exchange);
    return arm();
  }
  a.ready_ns = r.received_ns + ttft_ns(settings_, r.number);
  if (!r.streamed) // its last token ends it
    for (int i = 1; i < a.shape.events; ++i)
      a.ready_ns += gap_ns(settings_, r.number, static_cast<uint64_t>(i));
  due_.push({a.ready_ns, exchange});
  arm();
}

void null_service::arm() {
  int64_t at = due_.empty() ? 0 : due_.top().at_ns;
  if (!stepping_.empty()) {
    const int64_t next = settings_.pattern == event_pattern::unpaced ? 1 : step_at_ns_;
    at = at == 0 ? next : std::min(at, next);
  }
  server_->set_timer(at);
}

void null_service::on_timer() {
  const int64_t now = monotonic_ns();
  while (!due_.empty() && due_.top().at_ns <= now) {
    const auto next = due_.top();
    due_.pop();
    if (const auto found = answers_.find(next.exchange); found != answers_.end())
      wake(next.exchange, found->second, next.at_ns);
  }
  if (settings_.pattern == event_pattern::unpaced)
    return feed_sockets();
  if (!stepping_.empty() && step_at_ns_ <= now)
    step();
  arm();
}

/// The time of an answer has come: to begin, or for its next event.
void null_service::wake(http_exchange exchange, answer& a, int64_t at_ns) {
  if (a.record.fault == fault_kind::slow)
    return send_piece(exchange, a, at_ns);
  if (!a.record.streamed)
    return respond_whole(exchange, a, at_ns);
  if (a.next == 0)
    server_->begin_stream(exchange, 200, events_type);
  if (settings_.pattern == event_pattern::burst) {
    if (stepping_.empty() && step_at_ns_ < a.ready_ns)
      step_at_ns_ = settings_.itl_cv > 0 ? a.ready_ns : tick_at_or_after(origin_ns_, gap_ns(settings_, 0, 0), a.ready_ns);
    stepping_.push_back(exchange);
  } else if (emit(exchange, a, at_ns)) {
    due_.push({at_ns + gap_ns(settings_, a.record.number, static_cast<uint64_t>(a.next)), exchange});
  }
}

/// One step of the engine: an event for every stream that is ready. A step that took longer than planned delays the next.
void null_service::step() {
  auto kept = stepping_.begin();
  for (const auto exchange : stepping_) {
    const auto found = answers_.find(exchange);
    if (found == answers_.end())
      continue;
    if (found->second.ready_ns > step_at_ns_ || emit(exchange, found->second, step_at_ns_))
      *kept++ = exchange;
  }
  stepping_.erase(kept, stepping_.end());
  step_at_ns_ += gap_ns(settings_, 0, ++steps_);
  if (const int64_t now = monotonic_ns(); step_at_ns_ < now)
    step_at_ns_ = origin_ns_ = now;
}

void null_service::feed_sockets() {
  bool any = false;
  auto kept = stepping_.begin();
  for (const auto exchange : stepping_) {
    const auto found = answers_.find(exchange);
    if (found == answers_.end())
      continue;
    const bool blocked = server_->unsent(exchange) > 0;
    any = any || !blocked;
    if (blocked || emit(exchange, found->second, found->second.ready_ns))
      *kept++ = exchange;
  }
  stepping_.erase(kept, stepping_.end());
  if (any || stepping_.empty())
    return arm();
  const int64_t again = monotonic_ns() + blocked_wait_ns;
  server_->set_timer(due_.empty() ? again : std::min(again, due_.top().at_ns));
}

// -- events -------------------------------------------------------------------------------------------

token_usage null_service::usage_of(const answer& a) const {
  return {a.record.prompt_tokens, a.shape.tokens, 0};
}

/// Sends the next event of a stream; false if the stream is over for us.
bool null_service::emit(http_exchange exchange, answer& a, int64_t scheduled_ns) {
  auto& r = a.record;
  if (a.next == a.shape.fault_at) {
    a.shape.fault_at = -1;
    if (!fail_midway(exchange, a))
      return false;
  }
  const int first = a.next * settings_.tokens_per_event;
  const int count = std::min(settings_.tokens_per_event, a.shape.tokens - first);
  const bool last = ++a.next == a.shape.events;
  event_.clear();
  a.text.token_event(event_, first, count);
  event_.resize(event_.size() - 3); // "}\n\n"
  append_member(event_, ",\"null_server\":{\"event\":", a.next - 1);
  append_member(event_, ",\"scheduled_ns\":", scheduled_ns);
  append_member(event_, ",\"sent_unix_ns\":", realtime_ns());
  const int64_t sent_ns = monotonic_ns();
  append_member(event_, ",\"sent_ns\":", sent_ns);
  event_ += "}}\n\n";
  r.scheduled_ns.push_back(scheduled_ns);
  r.sent_ns.push_back(sent_ns);
  r.sent_tokens += count;
  if (last) // an engine sends its last token and the end of the answer in one go
    a.text.last_events(event_, usage_of(a), a.include_usage);
  server_->write_now(exchange, event_, last);
  if (last)
    over(exchange, "complete");
  return !last;
}

/// What comes in place of an event; false if nothing may follow.
bool null_service::fail_midway(http_exchange exchange, answer& a) {
  const auto fault = a.record.fault;
  if (fault == fault_kind::bad_json) {
    server_->write(exchange, "data: {\"choices\":[{\"index\":0,\"text\":\n\n");
    return true;
  }
  if (fault == fault_kind::stall)
    return false; // it stays among the answers until the client leaves
  if (fault == fault_kind::error_event) {
    server_->write(exchange,
                   "data: {\"error\":{\"message\":\"failed on purpose\",\"type\":\"internal_error\",\"code\":500}}\n\n"
                   "data: [DONE]\n\n");
    server_->end(exchange);
  } else if (fault == fault_kind::bad_chunk) {
    server_->write_raw(exchange, "no size\r\n");
    server_->break_off(exchange, false);
  } else {
    server_->break_off(exchange, fault == fault_kind::reset);
  }
  over(exchange, "fault");
  return false;
}

/// An answer that is not streamed.
void null_service::respond_whole(http_exchange exchange, answer& a, int64_t scheduled_ns) {
  auto& r = a.record;
  const auto body = a.text.whole(usage_of(a));
  const auto half = std::string_view{body}.substr(0, body.size() / 2);
  if (a.shape.fault_at < 0) {
    r.scheduled_ns.push_back(scheduled_ns);
    r.sent_ns.push_back(monotonic_ns());
    r.sent_tokens = a.shape.tokens;
    server_->respond(exchange, 200, json_type, body);
    return over(exchange, "complete");
  }
  if (r.fault == fault_kind::bad_json) {
    server_->respond(exchange, 200, json_type, half);
  } else if (r.fault == fault_kind::error_event) {
    server_->respond(exchange, 200, json_type,
                     R"({"error":{"message":"failed on purpose","type":"internal_error","code":500}})");
  } else {
    server_->begin_stream(exchange, 200, json_type);
    server_->write(exchange, half);
    if (!fail_midway(exchange, a))
      return;
  }
  over(exchange, "fault");
}

/// Slow answers are made at once and trickle; the events in them tell no times.
void null_service::send_piece(http_exchange exchange, answer& a, int64_t at_ns) {
  auto& r = a.record;
  if (a.pieces.empty()) {
    if (!r.streamed) {
      a.pieces = a.text.whole(usage_of(a));
    } else {
      for (int i = 0; i < a.shape.events; ++i) {
        const int first = i * settings_.tokens_per_event;
        a.text.token_event(a.pieces, first, std::min(settings_.tokens_per_event, a.shape.tokens - first));
      }
      a.text.last_events(a.pieces, usage_of(a), a.include_usage);
    }
    r.sent_tokens = a.shape.tokens;
    server_->begin_stream(exchange, 200, r.streamed ? events_type : json_type);
  }
  const bool last = a.pieces.size() <= piece_bytes;
  server_->write_now(exchange, std::string_view{a.pieces}.substr(0, piece_bytes), last);
  a.pieces.erase(0, piece_bytes);
  if (last)
    return over(exchange, "complete");
  due_.push({at_ns + static_cast<int64_t>(settings_.slow_piece_ms * 1e6), exchange});
}

// -- ends ---------------------------------------------------------------------------------------------

void null_service::over(http_exchange exchange, std::string_view how) {
  const auto found = answers_.find(exchange);
  if (found == answers_.end())
    return;
  found->second.record.ended = how;
  log_.end(std::move(found->second.record));
  answers_.erase(found);
}

void null_service::on_gone(http_exchange exchange) {
  over(exchange, "gone");
}

void null_service::close() {
  for (auto& [exchange, a] : answers_)
    log_.end(std::move(a.record));
  answers_.clear();
}

} // namespace sextant::null_server
