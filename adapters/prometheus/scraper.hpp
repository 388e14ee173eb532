// scraper.hpp: Reads a server's metrics page again and again, in a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/http/client.hpp"
#include "messages/server_metrics.hpp"

namespace sextant {

/// Scrapes from its construction to `stop`: the first look is over when the constructor returns, the last one is made by
/// `stop`. A page that cannot be read at the first look is not asked again; later failures are left out and told.
class metrics_scraper {
public:
  /// `url` names the page. `interval_ns` between the starts of two looks.
  metrics_scraper(std::string url, int64_t interval_ns, http_client_settings settings = {});
  ~metrics_scraper();

  metrics_scraper(const metrics_scraper&) = delete;
  metrics_scraper& operator=(const metrics_scraper&) = delete;

  /// Looks a last time, ends the thread and hands over what was read.
  scraped_endpoint stop();

private:
  void look();
  void run();
  void join();

  const int64_t interval_ns_;
  const http_client_settings settings_;
  http_url page_;
  scraped_endpoint read_; ///< of the thread, until it has ended
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace sextant
