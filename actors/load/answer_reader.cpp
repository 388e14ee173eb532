// answer_reader.cpp: Events to stamps, stamps to a record.
#include "actors/load/answer_reader.hpp"

#include <algorithm>
#include <numeric>

#include "actors/load/stream_event.hpp"

namespace sextant::load {

namespace {

constexpr size_t kept_error_bytes = 300;

void take_usage(const stream_event& what, request_record& record) {
  if (!what.has_usage)
    return;
  record.input_tokens = what.prompt_tokens;
  record.usage_tokens = what.completion_tokens;
  record.cached_tokens = what.cached_tokens;
  record.reasoning_tokens = std::max(record.reasoning_tokens, what.reasoning_tokens);
}

request_fault_class fault_of(http_end end) {
  switch (end) {
    case http_end::complete:
      return request_fault_class::none;
    case http_end::refused:
      return request_fault_class::refused;
    case http_end::reset:
      return request_fault_class::reset;
    case http_end::timed_out:
      return request_fault_class::timed_out;
    case http_end::stalled:
      return request_fault_class::stalled;
    case http_end::malformed:
      return request_fault_class::malformed;
    case http_end::client_limit:
      return request_fault_class::client_limit;
    case http_end::cancelled:
      return request_fault_class::cancelled;
  }
  return request_fault_class::malformed;
}

} // namespace

request_fault_class fault_of_status(int status) {
  if (status == 200)
    return request_fault_class::none;
  if (status == 429)
    return request_fault_class::rate_limited;
  const bool ours = status >= 400 && status < 500 && status != 408;
  return ours ? request_fault_class::client_error : request_fault_class::server_error;
}

std::vector<uint16_t> spread_tokens(uint32_t tokens, const std::vector<uint16_t>& weights) {
  const uint64_t events = weights.size();
  std::vector<uint16_t> out(events, 0);
  if (events == 0)
    return out;
  const uint64_t base = tokens >= events ? 1 : 0;
  const uint64_t rest = tokens - base * events;
  const uint64_t all = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  uint64_t weight = 0, given = 0;
  for (size_t i = 0; i < events; ++i) {
    weight += weights[i];
    const uint64_t due = all > 0 ? (rest * weight + all / 2) / all : rest * (i + 1) / events;
    out[i] = static_cast<uint16_t>(std::min<uint64_t>(UINT16_MAX, base + (due - given)));
    given = due;
  }
  return out;
}

void answer_reader::fail(request_fault_class fault, std::string error) {
  if (record.fault == request_fault_class::none)
    record.fault = fault;
  if (record.error.empty())
    record.error = std::move(error);
}

void answer_reader::flag(size_t event, uint8_t quality) {
  if (quality == arrival_kernel && record.event_quality.empty())
    return;
  record.event_quality.resize(record.token_ns.size(), arrival_kernel);
  record.event_quality[event] |= quality;
}

void answer_reader::add_event(const http_arrival& arrival, uint32_t bytes, uint32_t tokens) {
  const size_t i = record.token_ns.size();
  record.token_ns.push_back(arrival.at_ns);
  weights_.push_back(static_cast<uint16_t>(std::clamp<uint32_t>(bytes, 1, UINT16_MAX)));
  // Segments that met in the receive queue have the stamp of the newest: only the last event of a read has its own.
  if (i > 0 && last_read_ == arrival.read)
    flag(i - 1, arrival_coalesced);
  last_read_ = arrival.read;
  flag(i,
       static_cast<uint8_t>((arrival.kernel ? arrival_kernel : arrival_user) | (arrival.partial ? arrival_coalesced : 0)));
  if (tokens > 0 && !listed_ && (tokens > 1 || i == 0)) {
    listed_ = true;
    record.event_tokens.assign(i, 1);
  }
  if (listed_)
    record.event_tokens.push_back(static_cast<uint16_t>(std::min<uint32_t>(std::max(1u, tokens), UINT16_MAX)));
}

bool answer_reader::take(const sse_event& event, const http_arrival& arrival, bool keep_text) {
  auto what = read_stream_event(event.name, event.data);
  ended_ = ended_ || what.done || what.finished;
  take_usage(what, record);
  if (what.choices) {
    record.first_event_ns = record.first_event_ns == 0 ? arrival.at_ns : record.first_event_ns;
    record.last_event_ns = arrival.at_ns;
  }
  if (what.output) {
    add_event(arrival, what.output_bytes, what.token_ids);
    if (!what.reasoning && record.first_answer_ns == 0)
      record.first_answer_ns = arrival.at_ns;
    record.reasoning_tokens += what.reasoning && !what.has_usage;
    if (keep_text)
      text_ += answer_text(event.data);
  }
  if (!what.error.empty())
    fail(what.malformed ? request_fault_class::malformed : request_fault_class::server_error, std::move(what.error));
  return what.output;
}

void answer_reader::finish_complete(const http_outcome& outcome, bool keep_text) {
  if (outcome.status != 200) {
    auto text = "HTTP " + std::to_string(outcome.status);
    if (!outcome.retry_after.empty())
      text += " (Retry-After: " + outcome.retry_after.substr(0, 40) + ")";
    return fail(fault_of_status(outcome.status), text + ": " + outcome.body.substr(0, kept_error_bytes));
  }
  if (ended_ || has_output() || outcome.body.empty()) { // a stream
    if (!ended_)
      fail(request_fault_class::malformed, "the stream ended without [DONE]");
    return;
  }
  auto what = read_plain_answer(outcome.body);
  take_usage(what, record);
  if (!what.error.empty())
    return fail(what.malformed ? request_fault_class::malformed : request_fault_class::server_error, std::move(what.error));
  ended_ = true;
  if (what.output) {
    http_arrival whole;
    whole.at_ns = outcome.ended_ns;
    whole.kernel = true;
    add_event(whole, what.output_bytes, what.token_ids);
  }
  if (keep_text)
    text_ = answer_text(outcome.body);
}

uint32_t answer_reader::output_tokens() const {
  if (record.event_tokens.empty())
    return static_cast<uint32_t>(record.token_ns.size());
  return std::accumulate(record.event_tokens.begin(), record.event_tokens.end(), uint32_t{0});
}

/// Several tokens may share an event, and one may need several: the engine's own count is spread over the events.
void answer_reader::count_tokens() {
  if (!listed_ && record.usage_tokens > 0 && record.usage_tokens != record.token_ns.size())
    record.event_tokens = spread_tokens(record.usage_tokens, weights_);
}

void answer_reader::check_tokens(int wanted) {
  const auto got = record.usage_tokens > 0 ? record.usage_tokens : output_tokens();
  if (wanted > 0 && got != static_cast<uint32_t>(wanted))
    fail(request_fault_class::wrong_length, std::to_string(got) + " output tokens instead of " + std::to_string(wanted));
}

void answer_reader::finish(const http_outcome& outcome, bool keep_text, int wanted_tokens) {
  record.status = static_cast<uint16_t>(std::clamp(outcome.status, 0, 999));
  record.sent_ns = outcome.sent_ns > 0 ? outcome.sent_ns : record.queued_ns;
  record.tx_ns = outcome.tx_ns;
  record.first_byte_ns = outcome.first_byte_ns;
  record.ended_ns = outcome.ended_ns;
  record.connect_ns = outcome.connect_ns;
  record.bytes_sent = outcome.bytes_sent;
  record.bytes_received = outcome.bytes_received;
  if (outcome.end == http_end::complete)
    finish_complete(outcome, keep_text);
  else
    fail(fault_of(outcome.end), outcome.detail);
  count_tokens();
  if (record.fault == request_fault_class::none)
    check_tokens(wanted_tokens);
}

} // namespace sextant::load
