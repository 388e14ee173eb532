// runs.hpp: Load tests made up for the tests of statistics.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "messages/load_summary.hpp"

namespace sextant::statistics::test {

struct loop_shape {
  size_t requests = 1000;
  size_t slots = 16;
  size_t tokens = 10;
  uint64_t seed = 11;
  double ttft_ms = 100, gap_ms = 10;
  /// Factor of a request's times by its place in the run, 0 to 1: transients and drifts.
  std::function<double(double)> factor = [](double) { return 1.0; };
};

/// A closed loop: slots that each ask again when they are answered; log-normal TTFTs and gaps around their medians.
inline load_records closed_loop(const loop_shape& shape) {
  load_records run;
  run.facts.streaming = true;
  run.facts.concurrency = static_cast<int>(shape.slots);
  run.facts.osl = static_cast<double>(shape.tokens);
  run.facts.planned_requests = shape.requests;
  std::mt19937_64 random(shape.seed);
  std::normal_distribution<double> noise;
  std::vector<int64_t> free_at(shape.slots);
  run.requests.resize(shape.requests);
  for (size_t i = 0; i < shape.requests; ++i) {
    auto& r = run.requests[i];
    auto& slot = *std::min_element(free_at.begin(), free_at.end());
    const double factor = 1e6 * shape.factor(static_cast<double>(i) / static_cast<double>(shape.requests));
    r.index = static_cast<uint32_t>(i);
    r.status = 200;
    r.intended_ns = r.queued_ns = slot + 1;
    r.sent_ns = slot + 20'000;
    r.planned_isl = r.input_tokens = 512;
    r.planned_osl = r.usage_tokens = static_cast<uint32_t>(shape.tokens);
    int64_t now = r.sent_ns + static_cast<int64_t>(factor * shape.ttft_ms * std::exp(0.3 * noise(random)));
    r.first_byte_ns = now - 1000;
    for (size_t t = 0; t < shape.tokens; ++t) {
      r.token_ns.push_back(now);
      now += static_cast<int64_t>(factor * shape.gap_ms * std::exp(0.1 * noise(random)));
    }
    slot = r.ended_ns = r.token_ns.back() + 5'000;
  }
  return run;
}

/// The check of that name.
inline consistency_check check_named(const std::vector<consistency_check>& checks, const std::string& name) {
  for (const auto& c : checks)
    if (c.name == name)
      return c;
  return {};
}

} // namespace sextant::statistics::test
