// load_view.cpp: Progress of a load test: a few live lines on a terminal, or now and then a line in a pipe.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

#include "adapters/http/client.hpp"
#include "messages/point_value.hpp"
#include "messages/request_metrics.hpp"
#include "tools/sextant/load.hpp"

namespace sextant {

namespace {

using load::play_progress;
using load::traffic_phase;

/// Figures of one moment, with rates since the last one.
struct moment {
  int64_t at_ns = 0;
  uint64_t sent = 0, finished = 0, failed = 0, output_tokens = 0, events = 0;
};

moment look(const play_progress& p) {
  return {monotonic_ns(), p.sent, p.finished, p.failed, p.output_tokens, p.output_events};
}

std::string bar(double share, int width) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * width);
  return std::string(static_cast<size_t>(filled), '#') + std::string(static_cast<size_t>(width - filled), '.');
}

/// Green, yellow or red for a figure of the client's own health.
const char* light(double value, double yellow, double red) {
  return value >= red ? "\033[31m●\033[0m" : value >= yellow ? "\033[33m●\033[0m" : "\033[32m●\033[0m";
}

/// Latencies of finished requests in quarter octaves from 10 us to 100 s; written by the player's threads.
class latency_picture {
public:
  void add(double ms) {
    if (ms > 0)
      ++bins_[static_cast<size_t>(std::clamp(std::log2(ms / lowest_ms) * per_octave, 0.0, bins - 1.0))];
  }

  /// One character per bin between the first and the last that has anything, with the range.
  std::string text() const {
    static constexpr const char* heights[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t first = bins, last = 0;
    uint32_t most = 0;
    std::array<uint32_t, bins> seen;
    for (size_t i = 0; i < bins; ++i)
      if (seen[i] = bins_[i]; seen[i] > 0) {
        first = std::min(first, i);
        last = i;
        most = std::max(most, seen[i]);
      }
    if (first == bins)
      return "nothing yet";
    std::string out = value_text(first) + " ";
    for (size_t i = first; i <= last; ++i)
      out += heights[seen[i] == 0 ? 0 : 1 + static_cast<size_t>(7.0 * seen[i] / most)];
    return out + " " + value_text(last + 1) + " ms";
  }

private:
  static constexpr size_t bins = 94;
  static constexpr double lowest_ms = 0.01, per_octave = 4;

  static std::string value_text(size_t bin) {
    char text[24];
    const double ms = lowest_ms * std::exp2(static_cast<double>(bin) / per_octave);
    std::snprintf(text, sizeof text, ms < 10 ? "%.2g" : "%.0f", ms);
    return text;
  }

  std::array<std::atomic<uint32_t>, bins> bins_{};
};

class live_view : public load_view {
public:
  live_view(const load_run& run, bool full)
      : full_{full}, planned_{run.schedule.requests.size()}, duration_ns_{run.schedule.duration_ns} {}

  void note(const request_record& record) override {
    if (!is_valid(record))
      return;
    ttft_.add(ttft_ms(record));
    itl_.add(itl_ms(record));
  }

  void refresh(const play_progress& p) override {
    const auto now = look(p);
    if (now.at_ns - last_.at_ns < 100'000'000)
      return;
    const double seconds = last_.at_ns > 0 ? static_cast<double>(now.at_ns - last_.at_ns) / 1e9 : 1;
    const auto smooth = [&](double& rate, uint64_t a, uint64_t b) {
      const double weight = std::min(1.0, seconds); // the last second or so
      rate += weight * (static_cast<double>(a - b) / seconds - rate);
      return rate;
    };
    const int64_t began = p.phase_began_ns;
    const double elapsed_s = began > 0 ? std::max(0.0, static_cast<double>(now.at_ns - began) / 1e9) : 0;
    const double share = duration_ns_ > 0 && p.phase == traffic_phase::profiling
                             ? elapsed_s * 1e9 / static_cast<double>(duration_ns_)
                             : static_cast<double>(now.finished) / static_cast<double>(std::max<size_t>(1, planned_));
    take_away();
    const char* phase = began == 0 ? "starting" : p.phase == traffic_phase::warmup ? "warm-up" : "measuring";
    fprintf(stderr, "%-9s [%s] %5.1f %%  %llu of %zu answered, %llu failed, %.0f s\n", phase, bar(share, 30).c_str(),
            std::min(100.0, share * 100), static_cast<unsigned long long>(now.finished), planned_,
            static_cast<unsigned long long>(now.failed), elapsed_s);
    lines_ = 1;
    if (full_) {
      fprintf(stderr, "  in flight %lld (%lld before their first token)   %.1f requests/s   %.0f events/s\n",
              static_cast<long long>(p.in_flight), static_cast<long long>(p.waiting_for_first),
              smooth(request_rate_, now.finished, last_.finished), smooth(event_rate_, now.events, last_.events));
      const double busy = static_cast<double>(p.busy_ppm) / 1e4, send = static_cast<double>(p.send_lag_ns) / 1e3,
                   read = static_cast<double>(p.stamp_lag_ns) / 1e3;
      fprintf(stderr, "  client: %s busy %.0f %%   %s send lag %.0f us   %s read lag %.0f us\n", light(busy, 50, 70), busy,
              light(send, 100, 1000), send, light(read, 1000, 10'000), read);
      fprintf(stderr, "  TTFT %s\n  ITL  %s\n", ttft_.text().c_str(), itl_.text().c_str());
      lines_ = 5;
    }
    fflush(stderr);
    last_ = now;
  }

  void done() override {
    take_away();
    fflush(stderr);
  }

private:
  void take_away() {
    for (; lines_ > 0; --lines_)
      fprintf(stderr, "\033[1A\033[2K");
  }

  const bool full_;
  const size_t planned_;
  const int64_t duration_ns_;
  int lines_ = 0;
  moment last_;
  double request_rate_ = 0, event_rate_ = 0;
  latency_picture ttft_, itl_;
};

class line_view : public load_view {
public:
  explicit line_view(const load_run& run) : planned_{run.schedule.requests.size()} {}

  void refresh(const play_progress& p) override {
    constexpr int64_t period_ns = 5'000'000'000;
    const auto now = look(p);
    if (last_.at_ns == 0)
      last_ = now;
    if (now.at_ns - last_.at_ns < period_ns)
      return;
    const double seconds = static_cast<double>(now.at_ns - last_.at_ns) / 1e9;
    fprintf(stderr, "%s: %llu of %zu answered, %llu failed, %lld in flight, %.1f requests/s, %.0f events/s\n",
            p.phase == traffic_phase::warmup ? "warm-up" : "measuring", static_cast<unsigned long long>(now.finished),
            planned_, static_cast<unsigned long long>(now.failed), static_cast<long long>(p.in_flight),
            static_cast<double>(now.finished - last_.finished) / seconds,
            static_cast<double>(now.events - last_.events) / seconds);
    last_ = now;
  }
  void done() override {}

private:
  const size_t planned_;
  moment last_;
};

/// One JSON object a second.
class json_view : public load_view {
public:
  void refresh(const play_progress& p) override {
    const auto now = look(p);
    if (now.at_ns - last_ns_ >= 1'000'000'000)
      write(p, now);
  }
  void done() override {}

private:
  void write(const play_progress& p, const moment& now) {
    last_ns_ = now.at_ns;
    const int64_t began = p.phase_began_ns;
    fprintf(stderr,
            "{\"phase\":\"%s\",\"elapsed_s\":%.3f,\"sent\":%llu,\"finished\":%llu,\"failed\":%llu,\"in_flight\":%lld,"
            "\"waiting_for_first\":%lld,\"output_events\":%llu,\"output_tokens\":%llu,\"busy_share\":%.3f,"
            "\"send_lag_us\":%.1f,\"read_lag_us\":%.1f}\n",
            p.phase == traffic_phase::warmup ? "warmup" : "profiling",
            began > 0 ? std::max(0.0, static_cast<double>(now.at_ns - began) / 1e9) : 0.0, count(now.sent),
            count(now.finished), count(now.failed), static_cast<long long>(p.in_flight),
            static_cast<long long>(p.waiting_for_first), count(now.events), count(now.output_tokens),
            static_cast<double>(p.busy_ppm) / 1e6, static_cast<double>(p.send_lag_ns) / 1e3,
            static_cast<double>(p.stamp_lag_ns) / 1e3);
  }
  static unsigned long long count(uint64_t n) { return n; }

  int64_t last_ns_ = 0;
};

class no_view : public load_view {
public:
  void refresh(const play_progress&) override {}
  void done() override {}
};

} // namespace

std::unique_ptr<load_view> make_load_view(const std::string& ui, const load_run& run) {
  const bool terminal = isatty(STDERR_FILENO);
  if (ui == "none")
    return std::make_unique<no_view>();
  if (ui == "json")
    return std::make_unique<json_view>();
  if (!terminal)
    return std::make_unique<line_view>(run);
  return std::make_unique<live_view>(run, ui != "simple");
}

} // namespace sextant
