// merging.cpp: Offsets, stamps, facts, indices.
#include "actors/metrics/statistics/merging.hpp"

#include <algorithm>
#include <iterator>

namespace sextant::statistics {

namespace {

void shift(std::vector<request_record>& requests, int64_t by_ns) {
  static constexpr int64_t request_record::*stamps[] = {
      &request_record::intended_ns,   &request_record::queued_ns,      &request_record::tx_ns,
      &request_record::first_byte_ns, &request_record::first_event_ns, &request_record::first_answer_ns,
      &request_record::last_event_ns, &request_record::ended_ns,
  };
  for (auto& r : requests) {
    r.sent_ns += by_ns;
    for (const auto stamp : stamps)
      if (r.*stamp != 0) // 0: unknown
        r.*stamp += by_ns;
    for (auto& t : r.token_ns)
      t += by_ns;
  }
}

template <class T>
void append_new(std::vector<T>& to, const std::vector<T>& from) {
  for (const auto& x : from)
    if (std::find(to.begin(), to.end(), x) == to.end())
      to.push_back(x);
}

/// A limit of the whole is the sum of limits, and none where one part has none.
template <class T>
T added_limit(T a, T b) {
  return a > 0 && b > 0 ? a + b : T{};
}

void add_facts(load_facts& all, const load_facts& part) {
  append_new(all.urls, part.urls);
  append_new(all.remarks, part.remarks);
  all.concurrency = added_limit(all.concurrency, part.concurrency);
  all.prefill_concurrency = added_limit(all.prefill_concurrency, part.prefill_concurrency);
  all.request_rate = added_limit(all.request_rate, part.request_rate);
  all.planned_requests = added_limit(all.planned_requests, part.planned_requests);
  all.never_started += part.never_started;
  all.warmup_requests += part.warmup_requests;
  all.warmup_concurrency += part.warmup_concurrency;
  all.duration_ns = std::max(all.duration_ns, part.duration_ns);
  all.was_cancelled |= part.was_cancelled;
  all.simulated |= part.simulated;
  all.client_limited |= part.client_limited;
}

bool has_duplicates(const std::vector<load_records>& parts) {
  std::vector<uint64_t> keys;
  for (const auto& part : parts)
    for (const auto& r : part.requests)
      keys.push_back(static_cast<uint64_t>(r.wave) << 32 | r.index);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

/// Sessions of different parts are different ones.
void number_sessions(std::vector<load_records>& parts) {
  uint32_t next_session = 0;
  for (auto& part : parts) {
    uint32_t most = 0;
    for (auto* requests : {&part.warming, &part.requests})
      for (auto& r : *requests) {
        most = std::max(most, r.session + 1);
        r.session += next_session;
      }
    next_session += most;
  }
}

void number_in_order(std::vector<request_record>& requests) {
  std::stable_sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.sent_ns < b.sent_ns; });
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].index = static_cast<uint32_t>(i);
    requests[i].wave = 0;
  }
}

} // namespace

std::vector<clock_offset> clock_offsets(const std::vector<load_records>& parts, std::string& error) {
  std::vector<clock_offset> out;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto &first = parts.front().facts, &f = parts[i].facts;
    if (i == 0)
      out.push_back({0, true});
    else if (!f.clock_host.empty() && f.clock_host == first.clock_host && f.started_monotonic_ns > 0
             && first.started_monotonic_ns > 0)
      out.push_back({f.started_monotonic_ns - first.started_monotonic_ns, true});
    else if (f.started_unix_ns > 0 && first.started_unix_ns > 0)
      out.push_back({f.started_unix_ns - first.started_unix_ns, false});
    else if (error.empty())
      error = "part " + std::to_string(i + 1) + " does not say when it began on any clock that the first one has";
  }
  return out;
}

load_records merge_records(std::vector<load_records> parts, std::string& error) {
  if (parts.empty())
    return {};
  const auto offsets = clock_offsets(parts, error);
  for (size_t i = 1; i < parts.size() && error.empty(); ++i) {
    const auto &first = parts.front().facts, &f = parts[i].facts;
    if (f.model != first.model || f.endpoint_type != first.endpoint_type || f.streaming != first.streaming)
      error = "part " + std::to_string(i + 1) + " is another test: model " + f.model + ", " + f.endpoint_type
              + (f.streaming ? ", streamed" : ", not streamed") + "; the first one is of " + first.model + ", "
              + first.endpoint_type + (first.streaming ? ", streamed" : ", not streamed");
  }
  if (!error.empty())
    return {};
  const auto first_begun =
      std::min_element(offsets.begin(), offsets.end(), [](const auto& a, const auto& b) { return a.ns < b.ns; });
  load_records all;
  all.facts = parts.front().facts;
  all.facts.started_unix_ns = all.facts.started_unix_ns > 0 ? all.facts.started_unix_ns + first_begun->ns : 0;
  all.facts.started_monotonic_ns =
      first_begun->same_clock && all.facts.started_monotonic_ns > 0 ? all.facts.started_monotonic_ns + first_begun->ns : 0;
  bool by_wall_clock = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    by_wall_clock |= !offsets[i].same_clock;
    if (i > 0)
      add_facts(all.facts, parts[i].facts);
    shift(parts[i].requests, offsets[i].ns - first_begun->ns);
    shift(parts[i].warming, offsets[i].ns - first_begun->ns);
  }
  const bool anew = has_duplicates(parts);
  if (anew)
    number_sessions(parts);
  for (auto& part : parts) {
    std::move(part.requests.begin(), part.requests.end(), std::back_inserter(all.requests));
    std::move(part.warming.begin(), part.warming.end(), std::back_inserter(all.warming));
  }
  if (anew) {
    number_in_order(all.requests);
    number_in_order(all.warming);
  }
  if (parts.size() > 1)
    all.facts.remarks.push_back("records of " + std::to_string(parts.size()) + " processes were put together"
                                + (by_wall_clock ? " by their hosts' wall clocks: rates and requests in flight are as "
                                                   "exact as those agree, latencies are not touched"
                                                 : " on the monotonic clock of their host"));
  return all;
}

} // namespace sextant::statistics
