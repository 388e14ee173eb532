// engine_metrics.hpp: What a simulated engine counts, as Prometheus text with the names of Dynamo and its back ends.
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/values.hpp"

namespace sextant {

/// A Prometheus histogram.
class prometheus_histogram {
public:
  explicit prometheus_histogram(std::vector<double> bounds);
  void observe(double value);
  void write(std::string& out, std::string_view name, std::string_view help, std::string_view labels) const;

private:
  std::vector<double> bounds_;
  std::vector<uint64_t> counts_; ///< one more than bounds: above all
  double sum_ = 0;
  uint64_t count_ = 0;
};

/// Bounds spaced evenly in the logarithm, rounded to two significant digits, as Dynamo makes them; 0 is the first.
std::vector<double> log_bounds(double least, double most, int count);

/// How far behind its deadlines a player wrote, in classes 10 % apart from 1 µs to minutes.
class lag_record {
public:
  void add(double seconds);
  void clear() { *this = {}; }
  /// Upper end of the class that holds this share of the steps; 0 without steps.
  double quantile(double q) const;
  double most() const { return most_; }
  uint64_t steps() const { return steps_; }

private:
  static constexpr size_t classes = 200;
  std::array<uint64_t, classes> counts_{};
  double most_ = 0;
  uint64_t steps_ = 0;
};

/// Counters by endpoint (completions, chat) and type (unary, stream).
struct request_counts {
  uint64_t started[2][2] = {};
  uint64_t succeeded[2][2] = {};
  uint64_t failed[2][2] = {};
  uint64_t disconnected = 0;
  uint64_t output_tokens = 0;
};

/// Everything that is counted per request and token.
struct engine_metrics {
  request_counts requests;
  prometheus_histogram ttft{log_bounds(0.001, 480, 18)};
  prometheus_histogram itl{log_bounds(0.001, 80, 20)};
  prometheus_histogram duration{log_bounds(1, 512, 10)};
  prometheus_histogram input_tokens{log_bounds(50, 128000, 12)};
  prometheus_histogram output_tokens{log_bounds(50, 32000, 10)};
  prometheus_histogram cached_tokens{log_bounds(50, 128000, 12)};
};

/// The state of the engine at the time of the scrape.
struct engine_gauges {
  std::string model;
  backend_kind backend = backend_kind::vllm;
  int attention_ranks = 1;
  int64_t kv_tokens = 0; ///< whole engine
  int64_t kv_tokens_used = 0;
  int running = 0, waiting = 0;
  int max_running = 0, max_batched_tokens = 0, max_context = 0;
  double speed = 1;
};

/// The page that `/metrics` serves. Block counts are those of one attention rank, as a worker reports them.
std::string metrics_text(const engine_gauges& gauges, const engine_metrics& metrics, const lag_record& lag);

/// KV capacity of the whole engine as such a page tells it: blocks of a rank times block size times ranks; 0 = not told.
int64_t kv_tokens_from_metrics(std::string_view page, int attention_ranks);

} // namespace sextant
