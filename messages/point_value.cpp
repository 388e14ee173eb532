// point_value.cpp: Student's t intervals over requests, rounds, waves or steps.
#include "messages/point_value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "messages/special_functions.hpp"

namespace sextant {

namespace {

interval around(double mean, double half_width, double deviation, size_t count) {
  return {mean, mean - half_width, mean + half_width, deviation, count, true};
}

std::map<uint32_t, std::vector<const request_record*>> by_wave(const point_plan& plan,
                                                               const std::vector<request_record>& records) {
  std::map<uint32_t, std::vector<const request_record*>> waves;
  for (const auto& record : records)
    if (request_fault(plan, record).empty())
      waves[record.wave].push_back(&record);
  return waves;
}

/// The events of a request from `first` to `last` whose gaps count.
struct decode_span {
  const request_record* record = nullptr;
  size_t first = 0, last = 0;
};

/// Mean gap between the tokens of a span, ms.
double itl_of(const decode_span& s) {
  const auto& r = *s.record;
  if (s.first == 0 && s.last + 1 == r.token_ns.size())
    return itl_ms(r);
  double tokens = static_cast<double>(s.last - s.first);
  if (r.event_tokens.size() == r.token_ns.size())
    tokens = std::accumulate(r.event_tokens.begin() + static_cast<ptrdiff_t>(s.first) + 1,
                             r.event_tokens.begin() + static_cast<ptrdiff_t>(s.last) + 1, 0.0);
  return tokens > 0 ? static_cast<double>(r.token_ns[s.last] - r.token_ns[s.first]) / 1e6 / tokens : 0;
}

/// What of a wave is decoding at the full load: from the last first token to the first last one. Before it some requests
/// still wait for their prompts, and the others for those prompts' steps; after it the load falls. Whole requests where
/// that leaves less than half of one.
std::vector<decode_span> loaded_spans(const std::vector<const request_record*>& wave) {
  std::vector<decode_span> whole, loaded;
  int64_t from = 0, to = std::numeric_limits<int64_t>::max();
  for (const auto* r : wave) {
    if (r->token_ns.empty())
      continue;
    whole.push_back({r, 0, r->token_ns.size() - 1});
    from = std::max(from, r->token_ns.front());
    to = std::min(to, r->token_ns.back());
  }
  for (const auto& s : whole) {
    const auto& t = s.record->token_ns;
    const auto first = std::lower_bound(t.begin(), t.end(), from), behind = std::upper_bound(t.begin(), t.end(), to);
    if (behind - first < 2 || 2 * (behind - first) < static_cast<ptrdiff_t>(t.size()))
      return whole;
    loaded.push_back({s.record, static_cast<size_t>(first - t.begin()), static_cast<size_t>(behind - t.begin()) - 1});
  }
  return loaded;
}

/// Interval over the token positions of one or two waves: what all requests share because they decode in one batch.
interval step_interval(const std::vector<decode_span>& spans, double mean) {
  std::vector<double> gap, weight;
  for (const auto& [record, first, last] : spans)
    for (size_t j = 1; first + j <= last; ++j) {
      if (gap.size() < j) {
        gap.push_back(0);
        weight.push_back(0);
      }
      gap[j - 1] += static_cast<double>(record->token_ns[first + j] - record->token_ns[first + j - 1]) / 1e6;
      weight[j - 1] += 1;
    }
  const auto n = static_cast<double>(gap.size());
  if (gap.size() < 4)
    return {mean, mean, mean, 0, gap.size(), false};
  double y_mean = 0;
  for (size_t j = 0; j < gap.size(); ++j)
    y_mean += (gap[j] /= weight[j]) / n;
  double xx = 0, xy = 0, yy = 0;
  for (size_t j = 0; j < gap.size(); ++j) {
    const double x = static_cast<double>(j) - (n - 1) / 2, y = gap[j] - y_mean;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const double deviation = std::sqrt(std::max(0.0, yy - xy * xy / xx) / (n - 2));
  return around(mean, student_t_975(n - 2) * deviation / std::sqrt(n), deviation, gap.size());
}

/// TTFTs of the rounds of one burst; their mean is (max - itl * (osl - 1) * (ratio - 1)) / ratio.
void burst_rounds(const point_plan& plan, const std::vector<const request_record*>& burst, std::vector<double>& rounds) {
  std::vector<double> firsts;
  double itl = 0;
  for (const auto* record : burst) {
    firsts.push_back(ttft_ms(*record));
    itl += itl_ms(*record) / static_cast<double>(burst.size());
  }
  std::sort(firsts.begin(), firsts.end());
  const auto ratio = static_cast<size_t>(plan.burst_ratio);
  const double decode = itl * (plan.osl - 1);
  double before = -decode;
  for (size_t round = 1; round <= ratio; ++round) {
    const size_t last = std::max<size_t>(1, firsts.size() * round / ratio) - 1;
    rounds.push_back(firsts[last] - before - decode);
    before = firsts[last];
  }
}

} // namespace

double student_t_975(double degrees) {
  return student_t_quantile(0.975, degrees);
}

interval interval_of_mean(std::span<const double> samples) {
  const size_t n = samples.size();
  const auto count = static_cast<double>(n);
  double mean = 0, squares = 0;
  for (const double x : samples)
    mean += x;
  mean /= std::max(1.0, count);
  for (const double x : samples)
    squares += (x - mean) * (x - mean);
  if (n < 2)
    return {mean, mean, mean, 0, n, false};
  const double deviation = std::sqrt(squares / (count - 1));
  return around(mean, student_t_975(count - 1) * deviation / std::sqrt(count), deviation, n);
}

int output_tokens(const request_record& record) {
  return record.usage_tokens > 0 ? static_cast<int>(record.usage_tokens) : static_cast<int>(record.token_ns.size());
}

std::string request_fault(const point_plan& plan, const request_record& record) {
  if (!record.error.empty())
    return record.error;
  if (record.token_ns.empty())
    return "no token arrived";
  if (output_tokens(record) != plan.osl)
    return "got " + std::to_string(output_tokens(record)) + " output tokens instead of " + std::to_string(plan.osl);
  if (record.input_tokens > 0 && static_cast<int>(record.input_tokens) != plan.isl)
    return "the engine counted " + std::to_string(record.input_tokens) + " input tokens instead of "
           + std::to_string(plan.isl);
  return {};
}

double ttft_ms(const request_record& record) {
  return record.token_ns.empty() ? 0 : static_cast<double>(record.token_ns.front() - record.sent_ns) / 1e6;
}

double latency_ms(const request_record& record) {
  return record.token_ns.empty() ? 0 : static_cast<double>(record.token_ns.back() - record.sent_ns) / 1e6;
}

double itl_ms(const request_record& record) {
  const int tokens = output_tokens(record);
  if (tokens < 2 || record.token_ns.size() < 2)
    return 0;
  return static_cast<double>(record.token_ns.back() - record.token_ns.front()) / 1e6 / (tokens - 1);
}

interval value_of(const point_plan& plan, const std::vector<request_record>& records) {
  const auto waves = by_wave(plan, records);
  std::vector<double> units, requests, means;
  std::vector<decode_span> all;
  for (const auto& [wave, members] : waves) {
    if (plan.kind == point_kind::ttft && plan.burst_ratio > 1)
      burst_rounds(plan, members, units);
    const auto before = requests.size();
    if (plan.kind == point_kind::ttft)
      for (const auto* record : members)
        requests.push_back(ttft_ms(*record));
    else
      for (const auto& span : loaded_spans(members)) {
        requests.push_back(itl_of(span));
        all.push_back(span);
      }
    const double sum = std::accumulate(requests.begin() + static_cast<ptrdiff_t>(before), requests.end(), 0.0);
    means.push_back(sum / static_cast<double>(std::max<size_t>(1, requests.size() - before)));
  }
  if (!units.empty())
    return interval_of_mean(units);
  const auto over_requests = interval_of_mean(requests);
  if (plan.concurrency > 1 && means.size() >= 3) {
    const auto over_waves = interval_of_mean(means);
    return around(over_requests.mean, over_waves.half_width(), over_waves.deviation, over_waves.count);
  }
  if (plan.kind == point_kind::ttft)
    return over_requests;
  const auto over_steps = step_interval(all, over_requests.mean);
  return over_steps.known && over_steps.half_width() > over_requests.half_width() ? over_steps : over_requests;
}

} // namespace sextant
