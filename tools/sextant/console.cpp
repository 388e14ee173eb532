#include "tools/sextant/console.hpp"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sextant {

namespace {

constexpr size_t kept_lines = 6;

/// Printable text of at most `width` columns; control characters of foreign texts never reach the terminal.
std::string clipped(std::string text, int width) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = ' ';
  if (width > 1 && text.size() > static_cast<size_t>(width))
    text = text.substr(0, static_cast<size_t>(width) - 1) + "~";
  return text;
}

template <class... Args>
std::string formatted(const char* format, Args... args) {
  char text[512];
  snprintf(text, sizeof text, format, args...);
  return text;
}

std::string bar(double share, int width) {
  const int full = std::clamp(static_cast<int>(share * width + 0.5), 0, width);
  return std::string(static_cast<size_t>(full), '#') + std::string(static_cast<size_t>(width - full), '.');
}

/// Coarse, as estimates are: `40 s`, `12 min`, `3.5 h`.
std::string duration_text(double seconds) {
  if (seconds < 100)
    return formatted("%.0f s", seconds);
  return seconds < 6000 ? formatted("%.0f min", seconds / 60) : formatted("%.1f h", seconds / 3600);
}

std::string state_after(const progress& event, const std::string& before) {
  if (event.what == "engine_starting")
    return "starting";
  if (event.what == "engine_ready")
    return "ready";
  if (event.what == "point_measured")
    return before == "released" ? before : "measuring";
  if (event.what == "engine_released")
    return "released";
  if (event.what == "engine_failed" || event.what == "candidate_failed")
    return "failed";
  if (event.what == "engine_lost")
    return "lost";
  if (event.what == "candidate_pruned")
    return "pruned";
  if (event.what == "engine_chosen")
    return "chosen";
  return before.empty() ? "planned" : before;
}

} // namespace

void note_event(view_state& view, const progress& event) {
  view.last = event;
  view.last_at_s = view.elapsed_s;
  if (!event.stage.empty())
    view.stage = event.stage;
  view.recent.push_back(event.text);
  if (view.recent.size() > kept_lines)
    view.recent.pop_front();
  if (event.engine.empty())
    return;
  if (!view.engines.count(event.engine))
    view.order.push_back(event.engine);
  auto& row = view.engines[event.engine];
  row.state = state_after(event, row.state);
  if (event.what == "point_measured") {
    ++row.points;
    row.value_ms = event.value_ms;
    row.note = event.point.substr(event.point.rfind('/') + 1);
  }
}

std::vector<std::string> draw_view(const view_state& view, int width, int height) {
  std::vector<std::string> lines;
  const auto& last = view.last;
  lines.push_back(formatted("Sextant  %s", view.title.c_str()));
  lines.push_back(formatted("%-16s %6.0f s   engines %d on %d GPUs   %.0f GPU-s", view.stage.c_str(), view.elapsed_s,
                            last.engines_running, last.gpus_in_use, last.gpu_seconds));
  const double share = last.points_planned > 0 ? static_cast<double>(last.points_done) / last.points_planned : 0;
  auto points = formatted("[%s] %d/%d points", bar(share, 32).c_str(), last.points_done, last.points_planned);
  if (last.remaining_s > 0 && share < 1)
    points += "   about " + duration_text(std::max(last.remaining_s - (view.elapsed_s - view.last_at_s), 1.0)) + " left";
  lines.push_back(points);
  lines.emplace_back();
  lines.emplace_back("  engine            state      points   last result");
  for (const auto& engine : view.order) {
    const auto& row = view.engines.at(engine);
    auto text = formatted("  %-17s %-10s %6d", engine.c_str(), row.state.c_str(), row.points);
    if (row.points > 0)
      text += formatted("   %9.2f ms  %s", row.value_ms, row.note.c_str());
    lines.push_back(text);
  }
  lines.emplace_back();
  for (const auto& line : view.recent)
    lines.push_back("  " + line);
  if (height > 4 && lines.size() > static_cast<size_t>(height - 1))
    lines.resize(static_cast<size_t>(height - 1));
  for (auto& line : lines)
    line = clipped(std::move(line), width);
  return lines;
}

std::string answer_text(const profile_request& request, const profile_result& result, const std::string& directory) {
  const auto& sla = request.sla;
  return formatted("\n%s  %s on %s, ISL %d OSL %d, TTFT <= %g ms, ITL <= %g ms",
                   result.feasible ? "FEASIBLE" : "NOT FEASIBLE", request.model.name.c_str(), request.gpu.name.c_str(),
                   sla.isl, sla.osl, sla.ttft_ms, sla.itl_ms)
         + answer_details(result, directory);
}

std::string answer_details(const profile_result& result, const std::string& directory) {
  std::string out = result.estimated   ? "   (estimated, nothing was measured)\n"
                    : result.simulated ? "   (simulated engines)\n"
                                       : "\n";
  auto engine = [&](const char* role, const char* metric, const selected_engine& x) {
    if (x.engine.empty()) {
      out += formatted("  %-8s nothing could be measured\n", role);
      return;
    }
    out += formatted("  %-8s %-7s on %2d GPU(s)   %s %8.2f ms [%.2f, %.2f]   %10.1f tokens/s/GPU", role,
                     x.layout.label().c_str(), x.layout.gpus, metric, x.value_ms, x.value_low_ms, x.value_high_ms,
                     x.throughput_per_gpu);
    if (x.concurrency > 1)
      out += formatted("   %d in flight", x.concurrency);
    out += x.meets_target ? "\n" : "   misses the target\n";
  };
  engine("prefill", "TTFT", result.prefill);
  engine("decode", "ITL ", result.decode);
  for (const auto& pair : result.confirmations)
    out +=
        formatted("  together %s + %s   TTFT %.2f ms (predicted %.2f)   ITL %.2f ms (predicted %.2f)   %.1f requests/s "
                  "(predicted %.1f)   %d in flight   %s%s%s\n",
                  pair.prefill.label().c_str(), pair.decode.label().c_str(), pair.ttft_ms, pair.predicted_ttft_ms,
                  pair.itl_ms, pair.predicted_itl_ms, pair.requests_per_s, pair.predicted_requests_per_s, pair.concurrency,
                  std::string{to_text(pair.state)}.c_str(), pair.reason.empty() ? "" : ": ", pair.reason.c_str());
  if (!result.feasible) {
    out += "  binding constraint: " + result.binding_constraint + "\n";
    if (!result.prefill.engine.empty() && !result.decode.engine.empty())
      out += formatted("  would be met: TTFT %.1f ms, ITL %.1f ms\n", result.achievable.ttft_ms, result.achievable.itl_ms);
    for (const auto* chosen : {&result.prefill, &result.decode})
      if (!chosen->message.empty())
        out += "  " + chosen->message + "\n";
  }
  for (const auto& other : result.alternatives)
    out += formatted("  also: %s %s, %.2f ms, %.1f tokens/s/GPU  %s\n", std::string{to_text(other.role)}.c_str(),
                     other.layout.label().c_str(), other.value_ms, other.throughput_per_gpu, other.note.c_str());
  out += formatted("  %d points, %.0f GPU-seconds, %d failed attempts, clock: %s\n", result.points_measured,
                   result.gpu_seconds, result.attempts_failed, result.clock.c_str());
  for (const auto& remark : result.remarks)
    out += "  note: " + remark + "\n";
  if (!directory.empty() && (result.prefill.engine.empty() || result.decode.engine.empty()))
    out += "  look at " + directory + "/report.html\n";
  else if (!directory.empty())
    out += "  look at " + directory + "/report.html; deploy " + directory + "/config_with_planner.yaml\n";
  return out;
}

namespace {

class line_console : public console {
public:
  void show(const envelope& event) override {
    auto what = message_as<progress>(event);
    if (!what)
      return;
    const auto time = event.time.size() > 19 ? event.time.substr(11, 8) : event.time;
    fprintf(stderr, "%s  %-16s %4d/%-4d %s\n", time.c_str(), what->stage.c_str(), what->points_done, what->points_planned,
            clipped(what->text, 0).c_str());
  }
  void refresh() override {}
  void done() override { fflush(stderr); }
};

class json_console : public console {
public:
  void show(const envelope& event) override {
    printf("%s\n", encode_envelope(event).c_str());
    fflush(stdout);
  }
  void refresh() override {}
  void done() override {}
};

class live_console : public console {
public:
  explicit live_console(std::string title) : begin_{std::chrono::steady_clock::now()} { view_.title = std::move(title); }

  void show(const envelope& event) override {
    if (auto what = message_as<progress>(event)) {
      view_.elapsed_s = elapsed_s();
      note_event(view_, *what);
      redraw();
    }
  }

  void refresh() override { redraw(); }

  void done() override {
    redraw();
    drawn_ = 0;
  }

private:
  double elapsed_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

  void redraw() {
    view_.elapsed_s = elapsed_s();
    winsize size{};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const auto lines = draw_view(view_, size.ws_col ? size.ws_col : 100, size.ws_row ? size.ws_row : 40);
    std::string out;
    if (drawn_ > 0)
      out += "\x1b[" + std::to_string(drawn_) + "A";
    for (const auto& line : lines)
      out += "\r" + line + "\x1b[K\n";
    out += "\x1b[J";
    drawn_ = lines.size();
    fputs(out.c_str(), stderr);
    fflush(stderr);
  }

  view_state view_;
  std::chrono::steady_clock::time_point begin_;
  size_t drawn_ = 0;
};

} // namespace

std::unique_ptr<console> make_console(const std::string& mode, const std::string& title) {
  if (mode == "json")
    return std::make_unique<json_console>();
  if (mode == "live" || (mode == "auto" && isatty(STDERR_FILENO)))
    return std::make_unique<live_console>(title);
  return std::make_unique<line_console>();
}

} // namespace sextant
