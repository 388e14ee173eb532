// sidecar.cpp: `sextant sidecar`: watches a deployment that serves, and answers questions about it over NATS.
#include <cstdio>
#include <unistd.h>

#include "actors/sidecar/counters.hpp"
#include "adapters/http/client.hpp"
#include "tools/sextant/sidecar_desk.hpp"

namespace sextant {

namespace {

using namespace sidecar;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name[0] != '\0' ? name : "sidecar";
}

std::string page_of(const http_url& url, milliseconds timeout, std::string& error) {
  http_client_settings settings;
  settings.kept_body_bytes = 16 << 20;
  const bool whole_path = url.base.ends_with("/metrics");
  const auto got = http_fetch(url, "GET", whole_path ? "" : "/metrics", "", timeout.count() * 1'000'000, {}, settings);
  if (got.end == http_end::complete && got.status == 200)
    return got.body;
  error = got.end != http_end::complete ? got.detail : "HTTP " + std::to_string(got.status);
  return {};
}

/// One line for people.
std::string line_of(const serving_observed& w) {
  char text[400];
  int n = std::snprintf(text, sizeof text, "%s  %.2f req/s  ISL %.0f OSL %.0f  TTFT %.1f ms", w.at.c_str(), w.request_rate,
                        w.isl, w.osl, w.ttft_ms);
  const auto add = [&](const char* format, auto... values) {
    n += std::snprintf(text + n, sizeof text - static_cast<size_t>(n), format, values...);
  };
  if (w.expected_ttft_ms > 0)
    add(" (curve %.1f)", w.expected_ttft_ms);
  add("  ITL %.2f ms", w.itl_ms);
  if (w.expected_itl_ms > 0)
    add(" (curve %.2f)", w.expected_itl_ms);
  add("  %.0f in flight", w.in_flight);
  if (w.kv_usage >= 0)
    add("  KV %.0f %%", 100 * w.kv_usage);
  return text;
}

/// Looks at the pages and keeps what was seen last.
class observer {
public:
  observer(const sidecar_options& options, std::vector<http_url> urls) : options_{options}, urls_{std::move(urls)} {}

  /// The window since the last look, if there was one and the counters only grew.
  std::optional<serving_observed> look() {
    // A page must not take longer than the windows are apart.
    const milliseconds timeout{static_cast<int64_t>(std::min(2000.0, 400 * options_.interval_s))};
    std::string error;
    const auto asked = steady_clock::now();
    const auto frontend = page_of(urls_.front(), timeout, error);
    const auto at = asked + (steady_clock::now() - asked) / 2; // the page is of some time in between
    std::vector<std::string> workers;
    for (size_t i = 1; i < urls_.size() && error.empty(); ++i) {
      std::string missing;
      workers.push_back(page_of(urls_[i], timeout, missing));
      say(worker_lost_, urls_[i].authority, missing);
    }
    auto now = error.empty() ? read_counters(frontend, workers, options_.model, error) : std::nullopt;
    say(frontend_lost_, options_.frontend, error);
    if (!now)
      return std::nullopt;
    now->at_s = std::chrono::duration<double>(at.time_since_epoch()).count();
    auto window = last_ ? window_between(*last_, *now) : std::nullopt;
    last_ = std::move(now);
    if (window)
      window->at = rfc3339_now();
    return window;
  }

private:
  /// Tells of a loss and of a return once each.
  static void say(std::string& lost, const std::string& who, const std::string& error) {
    if (!error.empty() && lost.empty()) {
      fprintf(stderr, "%s: %s; trying again\n", who.c_str(), error.c_str());
      lost = who;
    } else if (error.empty() && lost == who) {
      fprintf(stderr, "%s: is back\n", who.c_str());
      lost.clear();
    }
  }

  const sidecar_options& options_;
  std::vector<http_url> urls_;
  std::optional<serving_counters> last_;
  std::string frontend_lost_, worker_lost_;
};

/// URLs of the frontend and the workers; errors of those that are none.
std::vector<http_url> urls_of(const sidecar_options& options, std::vector<document_error>& errors) {
  std::vector<http_url> out;
  std::vector<std::pair<std::string, std::string>> all{{"--frontend", options.frontend}};
  for (const auto& worker : options.workers)
    all.emplace_back("--worker-metrics", worker);
  for (const auto& [flag, text] : all) {
    std::string error;
    if (auto url = parse_http_url(text, error))
      out.push_back(std::move(*url));
    else
      errors.push_back({flag, 0, 0, "", error, "an http:// or https:// address", ""});
  }
  return out;
}

int watch(const sidecar_options& options, std::vector<http_url> urls, std::optional<planner_curves> curves) {
  event_queue queue;
  sidecar_desk desk{options, std::move(curves), queue};
  observer eyes{options, std::move(urls)};
  const auto begin = steady_clock::now();
  const auto interval =
      std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(options.interval_s));
  auto next = begin;
  for (;;) {
    const auto now = steady_clock::now();
    if (now >= next) {
      desk.connect();
      if (auto window = eyes.look()) {
        desk.note(*window);
        if (!options.json)
          printf("%s\n", line_of(*window).c_str());
        fflush(stdout);
      }
      next = std::max(next + interval, now);
      if (options.duration_s > 0 && now - begin >= std::chrono::duration<double>(options.duration_s))
        break;
    }
    envelope question;
    const auto wait = std::chrono::duration_cast<milliseconds>(next - steady_clock::now()) + milliseconds{1};
    if (queue.next(std::max(wait, milliseconds{0}), question) == wake::signal)
      return exit_ok;
    desk.answer_questions();
  }
  if (options.corrected.empty())
    return exit_ok;
  const auto written = desk.correct(options.corrected);
  fprintf(stderr, "%s\n",
          written.error.empty() ? ("corrected curves are in " + written.directory).c_str() : written.error.c_str());
  return written.error.empty() ? exit_ok : exit_failed;
}

} // namespace

int run_sidecar(const std::vector<std::string>& words) {
  std::vector<document_error> errors;
  auto options = read_sidecar_options(words, errors);
  if (options.help) {
    printf("%s", sidecar_help_text().c_str());
    return exit_ok;
  }
  if (options.name.empty())
    options.name = host_name();
  std::optional<planner_curves> curves;
  std::string error;
  if (!options.curves.empty() && !(curves = read_curves(options.curves, error)))
    errors.push_back(
        {"--curves", 0, 0, "", error, "an output directory of a profile, or the files of planner-profile-data", ""});
  auto urls = errors.empty() ? urls_of(options, errors) : std::vector<http_url>{};
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  start_logging("", "off");
  return watch(options, std::move(urls), std::move(curves));
}

} // namespace sextant
