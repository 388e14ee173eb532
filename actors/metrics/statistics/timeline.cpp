// timeline.cpp: Counts latencies, and what happens in each slice.
#include "actors/metrics/statistics/timeline.hpp"

#include <algorithm>

#include "actors/metrics/statistics/steady_state.hpp"
#include "messages/point_value.hpp"
#include "messages/request_metrics.hpp"
#include "messages/run_metrics.hpp"

namespace sextant::statistics {

std::vector<latency_counts> count_latencies(const load_facts& facts, metric_profile profile,
                                            const std::vector<request_record>& requests) {
  latency_counts ttft{"time_to_first_token", {}}, gaps{"inter_chunk_latency", {}}, latency{"request_latency", {}};
  for (const auto& r : requests) {
    if (!is_valid(r))
      continue;
    latency.counts.add(end_ns(profile, r) - r.sent_ns);
    ttft.counts.add(r.token_ns.front() - r.sent_ns);
    for (size_t i = 1; i < r.token_ns.size(); ++i)
      gaps.counts.add(r.token_ns[i] - r.token_ns[i - 1]);
  }
  if (latency.counts.count() == 0)
    return {};
  if (!facts.streaming)
    return {std::move(latency)};
  return {std::move(ttft), std::move(gaps), std::move(latency)};
}

load_timeline timeline_of(metric_profile profile, const std::vector<request_record>& requests, size_t slices) {
  const auto span = span_of(profile, requests);
  load_timeline t;
  if (span.end_ns <= span.begin_ns || slices == 0)
    return t;
  t.begin_ns = span.begin_ns;
  t.slice_s = span.seconds() / static_cast<double>(slices);
  t.in_flight = in_flight_by_slice(flight_changes(requests), span.begin_ns, span.end_ns, slices);
  t.tokens_per_s.resize(slices);
  t.requests_per_s.resize(slices);
  t.failures_per_s.resize(slices);
  const double slices_per_ns = static_cast<double>(slices) / static_cast<double>(span.end_ns - span.begin_ns);
  const auto add = [&](std::vector<double>& to, int64_t ns, double amount) {
    if (ns >= span.begin_ns && ns <= span.end_ns)
      to[std::min(slices - 1, static_cast<size_t>(static_cast<double>(ns - span.begin_ns) * slices_per_ns))] +=
          amount / t.slice_s;
  };
  for (const auto& r : requests) {
    if (!is_valid(r)) {
      add(t.failures_per_s, r.ended_ns > 0 ? r.ended_ns : r.sent_ns, 1);
      continue;
    }
    add(t.requests_per_s, end_ns(profile, r), 1);
    const double each = output_tokens(r) / static_cast<double>(r.token_ns.size());
    for (const auto at : r.token_ns)
      add(t.tokens_per_s, at, each);
  }
  return t;
}

} // namespace sextant::statistics
