// answer_log.cpp: Lines and counts.
#include "tools/null_server/answer_log.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "adapters/simulation/openai_request.hpp"

namespace sextant::null_server {

namespace {

void append_times(std::string& out, std::string_view name, const std::vector<int64_t>& times) {
  out.append(",\"").append(name).append("\":[");
  for (size_t i = 0; i < times.size(); ++i)
    out.append(i > 0 ? "," : "").append(std::to_string(times[i]));
  out += "]";
}

double seconds(int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

} // namespace

std::string json_line(const answer_record& r) {
  std::string out = "{\"number\":" + std::to_string(r.number) + ",\"request_id\":" + json_quoted(r.request_id);
  out.append(",\"fault\":\"").append(to_text(r.fault)).append("\",\"ended\":\"").append(r.ended);
  out.append("\",\"endpoint\":\"").append(r.chat ? "chat" : "completions");
  out.append("\",\"streamed\":").append(r.streamed ? "true" : "false");
  out += ",\"prompt_tokens\":" + std::to_string(r.prompt_tokens) + ",\"asked_tokens\":" + std::to_string(r.asked_tokens)
         + ",\"sent_tokens\":" + std::to_string(r.sent_tokens) + ",\"received_ns\":" + std::to_string(r.received_ns);
  append_times(out, "scheduled_ns", r.scheduled_ns);
  append_times(out, "sent_ns", r.sent_ns);
  return out + "}\n";
}

uint64_t answer_log::begin(bool chat, bool streamed) {
  const std::lock_guard lock{mutex_};
  ++metrics_.requests.started[chat][streamed];
  return begun_++;
}

void answer_log::refused(bool chat, bool streamed) {
  const std::lock_guard lock{mutex_};
  ++metrics_.requests.failed[chat][streamed];
}

void answer_log::end(answer_record r) {
  const std::lock_guard lock{mutex_};
  ++ended_;
  const bool good = r.ended == "complete" && (r.sent_tokens > 0);
  ++(good ? metrics_.requests.succeeded : metrics_.requests.failed)[r.chat][r.streamed];
  metrics_.requests.disconnected += r.ended == "gone";
  metrics_.requests.output_tokens += static_cast<uint64_t>(r.sent_tokens);
  if (!r.sent_ns.empty()) {
    metrics_.ttft.observe(seconds(r.sent_ns.front() - r.received_ns));
    metrics_.duration.observe(seconds(r.sent_ns.back() - r.received_ns));
  }
  for (size_t i = 0; i < r.sent_ns.size(); ++i) {
    lag_.add(seconds(r.sent_ns[i] - r.scheduled_ns[i]));
    if (i > 0)
      metrics_.itl.observe(seconds(r.sent_ns[i] - r.sent_ns[i - 1]));
  }
  metrics_.input_tokens.observe(r.prompt_tokens);
  metrics_.output_tokens.observe(r.sent_tokens);
  metrics_.cached_tokens.observe(0);
  if (keep_)
    records_.push_back(std::move(r));
}

std::string answer_log::metrics_page(const std::string& model) {
  const std::lock_guard lock{mutex_};
  engine_gauges g;
  g.model = model;
  g.running = static_cast<int>(begun_ - ended_);
  return metrics_text(g, metrics_, lag_);
}

std::string answer_log::write(const std::string& file) const {
  const std::lock_guard lock{mutex_};
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (!out)
    return file + ": " + std::strerror(errno);
  bool good = true;
  for (const auto& r : records_) {
    const auto line = json_line(r);
    good = good && std::fwrite(line.data(), 1, line.size(), out) == line.size();
  }
  good = std::fclose(out) == 0 && good;
  return good ? std::string{} : file + ": " + std::strerror(errno);
}

} // namespace sextant::null_server
