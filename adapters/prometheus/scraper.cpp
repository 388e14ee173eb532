// scraper.cpp: One look after the other, at times that do not drift.
#include "adapters/prometheus/scraper.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "adapters/prometheus/exposition.hpp"

namespace sextant {

namespace {

/// Longest wait for a page; a server under load may be slow to write it.
constexpr int64_t patience_ns = 5'000'000'000;
/// Largest page that is read.
constexpr size_t largest_page = size_t{16} << 20;

http_client_settings for_pages(http_client_settings settings) {
  settings.kept_body_bytes = largest_page;
  return settings;
}

metric_labels labels_of(const metric_sample& sample) {
  metric_labels out;
  for (const auto& [name, value] : sample.labels)
    out.emplace_back(name, value);
  std::sort(out.begin(), out.end());
  return out;
}

/// Writes a value into the last place of its series; places that it missed become NaN.
void put(std::vector<double>& values, size_t scrapes, double value) {
  values.resize(scrapes - 1, std::numeric_limits<double>::quiet_NaN());
  values.push_back(value);
}

} // namespace

metrics_scraper::metrics_scraper(std::string url, int64_t interval_ns, http_client_settings settings)
    : interval_ns_{interval_ns}, settings_{for_pages(std::move(settings))} {
  read_.url = std::move(url);
  const auto page = parse_http_url(read_.url, read_.problem);
  if (!page)
    return;
  page_ = *page;
  look();
  if (read_.problem.empty())
    thread_ = std::thread{[this] { run(); }};
}

metrics_scraper::~metrics_scraper() {
  join();
}

void metrics_scraper::join() {
  {
    const std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

scraped_endpoint metrics_scraper::stop() {
  const bool read_so_far = thread_.joinable();
  join();
  if (read_so_far)
    look();
  for (auto& [key, values] : read_.series)
    values.resize(read_.scrapes.size(), std::numeric_limits<double>::quiet_NaN());
  return std::move(read_);
}

void metrics_scraper::run() {
  const auto interval = std::chrono::nanoseconds{interval_ns_};
  auto next = std::chrono::steady_clock::now() + interval;
  std::unique_lock lock{mutex_};
  while (!wake_.wait_until(lock, next, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
    // A look that took longer leaves its successors out instead of hurrying them.
    while (next <= std::chrono::steady_clock::now())
      next += interval;
  }
}

void metrics_scraper::look() {
  const int64_t asked = monotonic_ns();
  const auto got = http_fetch(page_, "GET", page_.base.empty() ? "/" : "", "", patience_ns, {}, settings_);
  if (got.end != http_end::complete || got.status != 200) {
    if (read_.problem.empty())
      read_.problem = got.end == http_end::complete ? "HTTP " + std::to_string(got.status) : got.detail;
    return;
  }
  const auto samples = read_exposition(got.body);
  if (samples.empty()) {
    if (read_.problem.empty())
      read_.problem = "the page has no metrics";
    return;
  }
  read_.scrapes.push_back({asked, got.ended_ns});
  for (const auto& sample : samples)
    put(read_.series[{std::string{sample.name}, labels_of(sample)}], read_.scrapes.size(), sample.value);
}

} // namespace sextant
